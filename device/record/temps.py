"""Temps: small files that a cut left half written are thrown away at a start; what they were to replace is still there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)
LEFT = ".*.tmp"  # as contracts.files.write_durably names them
DAYS = 3  # of pictures, the newest: a cut leaves nothing in older ones


def sweep(data: Path) -> int:
    """Only while nobody else writes there. How many; a folder that cannot be read, or a file that stays, is no reason not to start."""
    count = 0
    for folder in _folders(data):
        try:
            for path in folder.glob(LEFT):
                if path.is_file() and not path.is_symlink():
                    path.unlink()
                    count += 1
        except OSError as error:
            log.warning("what a cut left stays", extra={"folder": str(folder), "reason": str(error)})
    return count


def _folders(data: Path) -> Iterator[Path]:
    """Those of clips and takes are looked through by who recovers them."""
    yield from (data, data / "log", data / "snapshots")
    days = data / "events"
    try:
        yield from sorted(path for path in days.iterdir() if path.is_dir() and not path.is_symlink())[-DAYS:]
    except OSError:
        return
