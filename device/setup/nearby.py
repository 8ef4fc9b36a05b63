"""Nearby: brokers that announce themselves on this network, as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def nearby() -> Sequence[Mapping[str, Any]]:
    return ()
