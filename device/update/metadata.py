"""Metadata: the repository's, fetched over a road, verified, kept; no file of it is trusted without the floors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from contracts.files import write_durably
from device.clock import Clock
from device.pipeline.sqlite_file import PRIVATE
from device.update.floors import Floors
from device.update.refusal import Refusal
from device.update.roads import Missing, Road
from device.update.trust import MAX_BYTES, MAX_ROOTS, Released, Trust

log = logging.getLogger(__name__)
KEPT = ("timestamp", "snapshot", "targets")


class Metadata:
    """One at a time: the updater's thread has it. `root` is the one provisioned with the box, of which every later one must follow."""

    def __init__(self, folder: Path, root: bytes, floors: Floors, clock: Clock) -> None:
        self._folder, self._root, self._floors, self._clock = folder, root, floors, clock

    def refresh(self, road: Road) -> Released:
        """All four roles, verified. Floors rise before anything of it is used or kept: a power cut then costs a download, not the floor."""
        trust = Trust(self._root, self._floors.versions(), self._floors.now(self._clock))
        roots = self._roots(trust, road)
        keys = trust.floor_name("timestamp")
        trust.at(now := self._floors.now(self._clock, keys))
        timestamp = self._timestamp(trust, road)
        version, limit = trust.snapshot_wanted
        snapshot = self._either("snapshot", trust.snapshot, lambda: road.metadata(f"{version}.snapshot.json", limit))
        version, limit = trust.targets_wanted
        targets = self._either("targets", trust.targets, lambda: road.metadata(f"{version}.targets.json", limit))
        self._floors.rise(trust.reached(), trust.ends, now, keys)
        for number, data in roots.items():
            self._keep(f"{number}.root", data)
        for name, new in zip(KEPT, (timestamp, snapshot, targets), strict=True):
            if new is not None:
                self._keep(name, new)
        return trust.released()

    def _roots(self, trust: Trust, road: Road) -> dict[int, bytes]:
        """Each that follows, from the disk or over the road, to the newest; those that are new here."""
        found: dict[int, bytes] = {}
        for _ in range(MAX_ROOTS):
            version = trust.root_version + 1
            if (kept := self._kept(f"{version}.root")) is not None:
                with suppress(Refusal):
                    trust.root(kept)
                    continue
            try:
                fetched = road.metadata(f"{version}.root.json", MAX_BYTES["root"])
            except Missing:
                return found
            trust.root(fetched)
            found[version] = fetched
        raise Refusal("E_HOSTILE", f"root: more than {MAX_ROOTS} that are new; see who wrote to the repository")

    def _timestamp(self, trust: Trust, road: Road) -> bytes | None:
        """What is kept is looked at first, so that one between it and the floor is a rollback too; None: there is nothing newer."""
        if (kept := self._kept("timestamp")) is not None:
            try:
                trust.timestamp(kept)
            except Refusal as refused:
                log.debug("the timestamp that was kept is not used: %s", refused)
        data = road.metadata("timestamp.json", MAX_BYTES["timestamp"])
        return data if trust.timestamp(data) else None

    def _either(self, name: str, verify: Callable[[bytes], object], fetch: Callable[[], bytes]) -> bytes | None:
        """The one that is kept when it is the one that is meant; else the road's, which is returned."""
        if (kept := self._kept(name)) is not None:
            with suppress(Refusal):
                verify(kept)
                return None
        data = fetch()
        verify(data)
        return data

    def _kept(self, name: str) -> bytes | None:
        path = self._folder / f"{name}.json"
        try:
            return None if path.is_symlink() or path.stat().st_size > max(MAX_BYTES.values()) else path.read_bytes()
        except OSError:
            return None  # fetched again

    def _keep(self, name: str, data: bytes) -> None:
        write_durably(self._folder / f"{name}.json", data, PRIVATE)
