"""Sizes as an owner writes them: WIDTHxHEIGHT."""

from __future__ import annotations

import re

from contracts.errors import ConfigError


def parse_size(text: str) -> tuple[int, int]:
    """Height and width in pixels of `512x384`."""
    match = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text)
    if match is None:
        raise ConfigError(f"size {text}: not understood; write it as WIDTHxHEIGHT, e.g. 512x384")
    return int(match.group(2)), int(match.group(1))
