"""Clips on a disk as far as an index needs them: small files with true hashes; and what an index says, to compare with another."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from contracts.clip import Cause, Clip, clip_id
from device.clock import Clock
from device.record.disk import DataDisk
from device.record.index import Index
from device.record.layout import clip_path, write_manifest
from tests.device.record.fakes import HandClock
from tests.device.record.footage import event_id

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


def make(
    data: Path, name: str, start: datetime = NOON, camera: str = "left", group: UUID | None = None, segment: int = 0, size: int = 100
) -> Clip:
    content = (name.encode() or b"x") * size
    content = content[:size]
    clip = Clip(
        id=clip_id(event_id(name), segment), camera=camera, file="", container="mp4", codec="h264", width=320, height=240, group=group,
        segment=segment, start=start, end=start + timedelta(seconds=5), start_pts_ns=segment * 5_000_000_000,
        end_pts_ns=(segment + 1) * 5_000_000_000, origin_pts_ns=0, pre_roll_asked_ms=0, pre_roll_ms=0, post_roll_asked_ms=0,
        first_frame=0, last_frame=124, frames=125, bytes=size, sha256=sha256(content).hexdigest(), device="box-1",
        events=[Cause(id=event_id(name), kind="object")],
    )  # fmt: skip
    video = clip_path(data, camera, start, clip.id, "mp4")
    clip = clip.model_copy(update={"file": video.name})
    video.parent.mkdir(parents=True, exist_ok=True)
    video.write_bytes(content)
    write_manifest(video, clip)
    return clip


def path_of(data: Path, clip: Clip) -> Path:
    return clip_path(data, clip.camera, clip.start, clip.id, clip.container)


def rel(data: Path, clip: Clip) -> str:
    return path_of(data, clip).relative_to(data).as_posix()


def opened(data: Path, clock: Clock | None = None, device: str = "box-1") -> Index:
    clock = clock or HandClock()
    disk = DataDisk(data, clock, device=device)
    disk.begin()
    return Index(data, disk, clock)


def in_line(data: Path, device: str = "box-1") -> Index:
    index = opened(data, device=device)
    index.catch_up()
    return index


def said(index: Index) -> list[object]:
    """All that is in an index, in an order; not what cannot be built from the files."""
    rows = [
        (
            e.video,
            str(e.id),
            e.camera,
            e.day,
            e.group,
            e.start,
            e.end,
            e.bytes,
            e.sha256,
            e.state,
            e.events,
            e.pinned,
            e.going,
            e.manifest_ns,
        )
        for e in index.entries()
    ]
    causes = index.file.read("SELECT hex(k.event), c.name FROM causes k LEFT JOIN clips c ON c.number = k.clip ORDER BY 1, 2")
    return [sorted(rows), causes, index.totals(), index.totals(pinned=True)]


def built_anew(data: Path) -> list[object]:
    """What an index says that is made of nothing but the files."""
    clock = HandClock()
    disk = DataDisk(data, clock, device="box-1")
    index = Index(data, disk, clock)  # not begun: in memory
    assert index.file.in_memory
    index.catch_up()
    found = said(index)
    index.close()
    return found
