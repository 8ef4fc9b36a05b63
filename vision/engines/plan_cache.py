"""Plans kept on the box, each under a key of all that it depends on, loaded only when its own hash is right."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from contracts.errors import StorageError
from contracts.files import write_durably

log = logging.getLogger(__name__)
KEPT = 8  # of this box's models and those before them; each may be a hundred megabytes, and every pushed model makes one


def plan_key(fields: Mapping[str, str]) -> str:
    """A plan runs only on the TensorRT, GPU and settings that built it: all are in the key."""
    return hashlib.sha256(json.dumps(dict(fields), sort_keys=True).encode()).hexdigest()


class PlanCache:
    """One folder a plan: plan, and plan.json with its SHA-256. A plan is a program: one whose hash differs is never run."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def load(self, key: str) -> bytes | None:
        """The plan, or None when there is none that can be trusted."""
        folder = self._root / key
        try:
            said = json.loads((folder / "plan.json").read_text("utf-8"))
            plan = (folder / "plan").read_bytes()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.warning("plan not readable, building again", extra={"plan": str(folder), "error": str(error)})
            return None
        if not isinstance(said, dict) or said.get("sha256") != hashlib.sha256(plan).hexdigest():
            log.warning("plan does not match its hash, building again", extra={"plan": str(folder)})
            return None
        self._used(folder)
        return plan

    def save(self, key: str, plan: bytes, fields: Mapping[str, str]) -> None:
        """The hash goes last: a plan cut off by a power failure has none."""
        folder = self._root / key
        said = {**fields, "sha256": hashlib.sha256(plan).hexdigest(), "size": len(plan)}
        write_durably(folder / "plan", plan)
        write_durably(folder / "plan.json", json.dumps(said, indent=1, sort_keys=True).encode())
        self._used(folder)
        with suppress(OSError):  # another process may tidy up at the same moment
            for old in self._by_use()[KEPT:]:
                shutil.rmtree(old, ignore_errors=True)

    def drop(self, key: str) -> None:
        shutil.rmtree(self._root / key, ignore_errors=True)

    def timing(self) -> bytes:
        """How fast each kernel was found to be in earlier builds; empty when not known."""
        with suppress(OSError):
            return (self._root / "timing.cache").read_bytes()
        return b""

    def save_timing(self, timing: bytes) -> None:
        """It only saves time, so a disk that refuses it is no more than a warning."""
        try:
            write_durably(self._root / "timing.cache", timing)
        except StorageError as error:
            log.warning("timing cache not kept", extra={"folder": str(self._root), "error": str(error)})

    def _used(self, folder: Path) -> None:
        """Newer than all others, by no clock: that of a box may begin in 1970."""
        with suppress(OSError, IndexError):
            newest = self._by_use()[0]
            if newest != folder:
                at_ns = newest.stat().st_mtime_ns + 1_000_000_000
                os.utime(folder, ns=(at_ns, at_ns))

    def _by_use(self) -> list[Path]:
        """Folders of plans, the one used last first."""
        return sorted(filter(Path.is_dir, self._root.glob("*")), key=lambda folder: -folder.stat().st_mtime_ns)
