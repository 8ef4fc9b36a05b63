"""Canonical JSON: sorted keys, no spaces, floats to six decimals; equal values are equal bytes."""

import json
import math
from typing import Any

DECIMALS = 6


def canonical(value: Any) -> bytes:
    """One line with its end; a float that is no number becomes null."""
    text = json.dumps(_rounded(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0 if math.isfinite(value) else None  # -0.0 becomes 0.0
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
