"""Finding: one thing that was looked at on this box, how it is, and what to do when it is not well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from contracts.shown import shown

Level = Literal["ok", "note", "warning", "error"]
MARKS: dict[Level, str] = {"ok": "ok     ", "note": "note   ", "warning": "WARNING", "error": "ERROR  "}


@dataclass(frozen=True, slots=True)
class Finding:
    """`mend` says what to do; empty when there is nothing to do."""

    what: str
    level: Level
    text: str
    mend: str = ""

    def __str__(self) -> str:
        mend = f"\n{'':10}-> {self.mend}" if self.mend else ""
        return shown(f"{MARKS[self.level]} {self.what}: {self.text}{mend}")

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def worst(findings: Sequence[Finding]) -> Level:
    order: tuple[Level, ...] = ("error", "warning", "note", "ok")
    return next((level for level in order if any(f.level == level for f in findings)), "ok")


def from_message(what: str, message: str, level: Level = "error") -> Finding:
    """Our errors say what is wrong, a semicolon, and what to do."""
    text, _, mend = message.partition("; ")
    return Finding(what, level, text, mend)
