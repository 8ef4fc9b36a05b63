"""Mend: what a checkup found is put right where that can be done; no footage is ever deleted, what cannot be used goes to salvage/."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from contracts.clip import Clip
from contracts.errors import StorageError
from contracts.files import storage
from device.pipeline.channel import nothing
from device.pipeline.protocols import Tick
from device.record.closing import COPY
from device.record.faults import MENDS, Fault
from device.record.layout import manifest_of, part_of, write_manifest
from device.record.manifests import Manifests
from device.record.recover import rebuild, recover_part, salvage

log = logging.getLogger(__name__)
ROWS = {"row without files", "files without row", "old row"}  # the index's own catching up mends them


def mend(data: Path, faults: Sequence[Fault], tick: Tick = nothing) -> list[tuple[Fault, str]]:
    """While no appliance runs. What could not be mended, and why; rows are left to `Index.catch_up`."""
    failed = []
    for fault in faults:
        tick()
        if fault.kind not in MENDS or fault.kind in ROWS or fault.running:
            continue
        try:
            _mend_one(data, fault)
        except (StorageError, OSError) as error:
            log.warning("not mended", extra={"file": fault.path, "reason": str(error)})
            failed.append((fault, str(error)))
    return failed


def _mend_one(data: Path, fault: Fault) -> None:
    path = data / fault.path
    if not path.exists():
        return  # mended together with another fault
    if fault.kind == "part":
        recover_part(path, data)
    elif fault.kind == "no manifest":
        rebuild(path, data)
    elif fault.kind == "bad manifest":
        _with_new_manifest(data, path)
    elif fault.kind in {"wrong size", "wrong hash"}:
        _as_it_is_now(data, path)
    elif fault.kind == "leftover":
        _clear(data, path)
    else:
        salvage(path, data)


def _with_new_manifest(data: Path, manifest: Path) -> None:
    videos = [path for suffix in (".mp4", ".mkv") if (path := manifest.with_suffix(suffix)).exists()]
    salvage(manifest, data)
    for video in videos:
        rebuild(video, data)


def _as_it_is_now(data: Path, video: Path) -> None:
    """The new manifest says what plays; what the old one knew of the events stays true."""
    before = Manifests(data).read(video.relative_to(data).as_posix())
    aside = salvage(manifest_of(video), data)
    now = rebuild(video, data)
    if before and now:
        write_manifest(video, now.model_copy(update=_still_true(before)))
    elif before is None:
        log.warning("its manifest was put aside", extra={"file": str(aside.relative_to(data))})


def _still_true(clip: Clip) -> dict[str, object]:
    """What a damaged video does not change."""
    kept = {"id", "segment", "group", "trigger", "note", "events", "holes", "pre_roll_asked_ms", "post_roll_asked_ms", "device", "software"}
    return {name: getattr(clip, name) for name in kept}


def _clear(data: Path, path: Path) -> None:
    """A copy that was not finished is worthless while there is what it was made from; else it is put aside like anything else."""
    if path.suffix == COPY:
        video = path.with_suffix("")
        origin = part_of(video) if part_of(video).exists() else video
    else:
        origin = path
    with storage(path):
        if path.suffix == COPY and not origin.exists():
            salvage(path, data)
        else:
            path.unlink(missing_ok=True)
