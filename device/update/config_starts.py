"""Starts: those that a configuration on trial did not live through, counted on the disk; after three it is taken back, and not run again.

The standard library alone, as device/update/boots.py: this is read before each start.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contracts.files import write_durably
from device.update.boots import FAILED, PRIVATE
from device.update.config_slots import Revisions

REMEMBERED = 16


class Starts:
    """A file that cannot be read is begun anew: a count is lost, a start never. StorageError where the disk refuses to keep it."""

    def __init__(self, data: Path) -> None:
        self.path, self._revisions = data / "update" / "config-starts.json", Revisions(data)

    def begin(self) -> str:
        """Before a start: what is on trial is counted, and after three that failed taken back. What was done, in words."""
        digest = self._revisions.linked("current")
        if not self._revisions.on_trial or digest is None:
            return ""
        count = self._count()
        failed = count["failed"] + 1 if count["digest"] == digest else 1
        if failed <= FAILED:
            self._write(digest, failed, count["rejected"])
            return ""
        words = f"configuration {digest[:12]}: the box did not live through {FAILED} starts with it; the one before is in force again"
        self._write("", 0, {**count["rejected"], digest: words})  # before the link: cut off here, the next start does the rest
        self._revisions.back()
        return words

    def came_out(self) -> None:
        """Of the trial, or the box was stopped in it: this start counts for nothing."""
        count = self._count()
        if count["digest"]:
            self._write("", 0, count["rejected"])

    def rejects(self, digest: str) -> str:
        """Why this configuration is not run here, or nothing."""
        return str(self._count()["rejected"].get(digest, ""))

    def rejected(self) -> tuple[str, ...]:
        """Kept, for an owner who wants one all the same."""
        return tuple(self._count()["rejected"])

    def pardon(self, digest: str) -> None:
        """The owner wants it all the same."""
        count = self._count()
        if digest in count["rejected"]:
            self._write(count["digest"], count["failed"], {name: words for name, words in count["rejected"].items() if name != digest})

    def _count(self) -> dict[str, Any]:
        try:
            said = json.loads(self.path.read_text())
            rejected = {str(name): str(words) for name, words in said["rejected"].items()}
            return {"digest": str(said["digest"]), "failed": int(said["failed"]), "rejected": rejected}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {"digest": "", "failed": 0, "rejected": {}}

    def _write(self, digest: str, failed: int, rejected: dict[str, str]) -> None:
        kept = {"digest": digest, "failed": failed, "rejected": dict(list(rejected.items())[-REMEMBERED:])}
        write_durably(self.path, json.dumps(kept).encode(), PRIVATE, shared=True)
