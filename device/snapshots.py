"""Snapshots: the folder of pictures that were asked for; it holds so many and no more, the oldest go. Their bytes are the janitor's."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

from contracts.files import refuse_links, storage
from device.pipeline.tally import Tally

log = logging.getLogger(__name__)
SUFFIXES = {".jpg", ".png"}
KEPT = 1000  # pictures


class Snapshots:
    """What else lies in the folder is not counted and stays."""

    def __init__(self, data: Path, tally: Tally, keep: int = KEPT) -> None:
        self.folder, self._data, self._tally, self._keep = data / "snapshots", data, tally, keep

    def check(self) -> None:
        """StorageError where a link would lead pictures out of the data folder."""
        refuse_links(self._data, self.folder)

    def trim(self) -> int:
        """After one was added; how many had to go. StorageError when the disk refuses."""
        with storage(self.folder):
            old = [path for _, path in sorted(self._kept(), reverse=True)[self._keep :]]  # the newest stay
            for path in old:
                path.unlink(missing_ok=True)
        if old:
            self._tally.count("", "snapshots", "removed", len(old))
            log.info("old snapshots removed", extra={"removed": len(old), "oldest": old[-1].name})
        return len(old)

    def _kept(self) -> list[tuple[int, Path]]:
        found = []
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):
                status = path.lstat()
                if S_ISREG(status.st_mode) and path.suffix in SUFFIXES and not path.name.startswith("."):
                    found.append((status.st_mtime_ns, path))
        return found
