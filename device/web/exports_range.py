"""Which part of a file was asked for: one range in bytes, as RFC 9110 has it; of several, or of what is no range, the whole is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping

ONE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII)


class Unsatisfiable(Exception):
    """The range begins behind the end of the file."""


def part(headers: Mapping[str, str], size: int, etag: str) -> tuple[int, int] | None:
    """First byte and the one behind the last; None: the whole. Unsatisfiable for a range that has nothing in it."""
    asked = ONE.fullmatch(headers.get("range", "").strip().lower())
    if asked is None or asked.groups() == ("", "") or headers.get("if-range", etag) != etag:
        return None
    first, last = asked.groups()
    if not first:
        if int(last) == 0 or size == 0:
            raise Unsatisfiable
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None  # no range at all
    if int(first) >= size:
        raise Unsatisfiable
    return int(first), min(size, int(last) + 1) if last else size


def unchanged(headers: Mapping[str, str], etag: str) -> bool:
    """Whether the one who asks has it already, by If-None-Match."""
    known = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
    return etag in known or known == ["*"]
