"""Reset: this box as it came. Ordered by a file on the disk, so that the next start finishes what a kill or a power cut broke off."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from contracts.files import storage, sync_folder, write_durably

log = logging.getLogger(__name__)
ORDER = "factory-reset.json"  # in the data folder
# The owner's settings, password, credentials and pushed revisions; the box's key and what it believes; pushed models and their engines;
# what waits for a broker, what came from one, and what Home Assistant was told of cameras.
OWN = (
    "config", "update", "models", "engines", "outbox.sqlite*", "commands.json", "alerts.json", "tried.json", "drift.sqlite*",
    "discovery.json",
)  # fmt: skip
RECORDED = (
    "clips", "recordings", "events", "snapshots", "salvage", "dataset", "queue", "log", "browse.sqlite*", "index.sqlite*", "disk.json",
)  # fmt: skip


def order(data: Path, keep_recordings: bool) -> None:
    """From now on the reset will happen, at the latest at the next start."""
    write_durably(data / ORDER, json.dumps({"keep_recordings": keep_recordings}).encode(), 0o600)


def ordered(data: Path) -> bool:
    """Cheap: asked twice a second."""
    try:
        return (data / ORDER).is_file()
    except OSError:
        return False


def finish(data: Path) -> bool:
    """All of an order that is there, and whether there was one. To be called while no appliance runs on the folder."""
    if not ordered(data):
        return False
    keep = _keeps(data)
    log.warning("reset to how it came", extra={"folder": data, "keep_recordings": keep})
    for path in doomed(data, keep):
        _remove(path)
    with storage(data):
        sync_folder(data)
        (data / ORDER).unlink(missing_ok=True)
        sync_folder(data)
    return True


def doomed(data: Path, keep_recordings: bool) -> Iterator[Path]:
    """What goes, the secrets first. Names that are ours and nothing else: `data` may be a folder with other things in it."""
    for name in OWN if keep_recordings else (*OWN, *RECORDED):
        yield from sorted(path for path in data.glob(name) if not path.is_symlink())


def _keeps(data: Path) -> bool:
    """An order that cannot be read removes what it must, not more."""
    try:
        said = json.loads((data / ORDER).read_bytes()[:4096])
        return said["keep_recordings"] is not False
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return True


def _remove(path: Path) -> None:
    with storage(path), suppress(FileNotFoundError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
        sync_folder(path.parent)
