"""Amounts as an owner writes them: `80 GB`, `60%` of the disk, `30 days`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

UNITS = {"": 1, "b": 1}
UNITS |= {f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)}
UNITS |= {f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)}
SECONDS = {
    "s": 1,
    "second": 1,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
    "d": 86400,
    "day": 86400,
    "week": 604800,
    "year": 31557600,
}
WRITTEN = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([a-z]*|%)\s*", re.IGNORECASE | re.ASCII)


def _parts(text: str) -> tuple[float, str] | None:
    match = WRITTEN.fullmatch(text)
    return (float(match[1]), match[2].lower()) if match else None


def amount_bytes(text: str, total: int) -> int:
    """`total` is what a percentage is of: the file system's bytes (or inodes)."""
    parts = _parts(text)
    if parts is None or (parts[1] != "%" and parts[1] not in UNITS):
        raise ValueError("is not an amount of room; write for example 80 GB, 500 MB or 60%")
    number, unit = parts
    if unit != "%":
        return int(number * UNITS[unit])
    if number > 100:
        raise ValueError("is more than the whole disk; write at most 100%")
    return int(total * number / 100)


def span_s(text: str) -> float:
    parts = _parts(text)
    unit = parts[1] if parts else ""
    seconds = SECONDS.get(unit) or SECONDS.get(unit.removesuffix("s")) if parts else None
    if parts is None or seconds is None:
        raise ValueError("is not a length of time; write for example 30 days, 12 hours or 90 s")
    return parts[0] * seconds


def _amount(text: str) -> str:
    amount_bytes(text, 0)
    return text.strip()


def _span(text: str) -> str:
    span_s(text)
    return text.strip()


def _text(value: Any) -> Any:
    """A plain number of bytes is no string in YAML."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Amount = Annotated[str, BeforeValidator(_text), AfterValidator(_amount)]
Span = Annotated[str, AfterValidator(_span)]


def written(count: float) -> str:
    """Bytes for a reader: `12.3 GB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
