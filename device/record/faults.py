"""Fault: something about the recordings that is not as it should be, or that their owner should know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "no manifest", "no video", "bad manifest", "wrong size", "wrong hash", "cannot be read", "part", "leftover", "foreign", "misplaced",
    "keep without clip", "row without files", "files without row", "old row", "hole", "gap", "salvage", "disk", "index",
]  # fmt: skip
# What is no damage: it is told, and the exit code stays 0.
NOTES: frozenset[Kind] = frozenset({"foreign", "misplaced", "keep without clip", "hole", "gap", "salvage"})
MENDS: dict[Kind, str] = {
    "no manifest": "gets a manifest made of what the video says of itself; what does not play goes to salvage/",
    "no video": "the manifest goes to salvage/",
    "bad manifest": "it goes to salvage/ and the video gets a new one",
    "wrong size": "what plays gets a manifest that says `recovered`, the old one goes to salvage/; what does not goes there too",
    "wrong hash": "what plays gets a manifest that says `recovered`, the old one goes to salvage/; what does not goes there too",
    "part": "is closed as far as it plays",
    "leftover": "is removed: what it was made from is there",
    "keep without clip": "goes to salvage/",
    "row without files": "the row goes",
    "files without row": "a row is made",
    "old row": "the row is made anew",
}  # what `--mend` does


@dataclass(frozen=True, slots=True)
class Fault:
    """`path` is relative to the data folder."""

    kind: Kind
    path: str
    text: str = ""
    running: bool = False  # the appliance is at work on it

    @property
    def damage(self) -> bool:
        return self.kind not in NOTES and not self.running

    def plain(self) -> dict[str, str | bool]:
        return {"kind": self.kind, "path": self.path, "text": self.text, "damage": self.damage, "mend": MENDS.get(self.kind, "")}
