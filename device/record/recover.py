"""What a kill or a power cut left behind: kept as far as it plays, or put aside; nothing is deleted that is not kept elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import unquote
from uuid import uuid5

import av
from av.error import FFmpegError
from pydantic import ValidationError

from contracts.clip import Clip
from contracts.errors import StorageError
from contracts.event import NAMESPACE
from contracts.files import refuse_links, rename_durably, storage
from device.pipeline.contexts import ANY_TEXT, PROBE
from device.pipeline.torn import readable
from device.record.clipfile import PART
from device.record.closing import COPY, close_part
from device.record.layout import VIDEOS, clips_folder, manifest_of, salvage_folder, sized, write_manifest

log = logging.getLogger(__name__)
HEAD_BYTES = 4096  # the beginning of an MP4 is far less
LONGEST_BOX = 256  # bytes of what an MP4 begins with; one that says more would hide what comes behind it
TEMP = ".tmp"  # with a dot before the name: a manifest being written
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found at a start: for the log and the board."""

    clips: list[Clip] = field(default_factory=list)  # closed, or given a manifest again
    salvaged: list[Path] = field(default_factory=list)  # nothing in them plays: moved to salvage/
    waiting: list[str] = field(default_factory=list)  # the disk refused; next time


@dataclass(frozen=True, slots=True)
class Probe:
    """What can be read of a video: pictures, and its time span in nanoseconds from the file's zero."""

    frames: int
    first_ns: int
    end_ns: int
    codec: str
    width: int
    height: int
    comment: str


def recover(data: Path, reserve_bytes: int = 0) -> Recovered:
    """Before recording starts: close every `.part`, give every video without a manifest one."""
    found = Recovered()
    try:
        unfinished = list(_unfinished(data))
    except StorageError as error:
        log.warning("the clips cannot be looked through", extra={"reason": str(error)})
        return Recovered(waiting=[str(error)])
    for path in unfinished:
        try:
            empty = holds_nothing(path)
            clip = recover_part(path, data, reserve_bytes) if path.suffix == PART else rebuild(path, data)
        except Exception as error:  # noqa: BLE001 - a seam: a damaged file may be answered with anything, and must not stop the box
            found.waiting.append(str(error) or type(error).__name__)
            log.warning("a cut clip could not be closed", extra={"reason": str(error)})
            continue
        if clip:
            found.clips.append(clip)
        elif not empty:
            found.salvaged.append(path)
    return found


def _unfinished(data: Path) -> Iterator[Path]:
    """Also throws away copies and small files that were not finished: what they were made from is still there."""
    with storage(clips_folder(data)):
        for day in sorted(clips_folder(data).glob("*/*/")):
            if led_away(data, day):
                continue
            names = {path.name for path in day.iterdir() if path.is_file() and not path.is_symlink()}  # a pipe would be waited for
            for name in sorted(names):
                path = day / name
                if name.endswith(COPY) or (name.startswith(".") and name.endswith(TEMP)):
                    path.unlink()
                elif name.endswith(PART) or (path.suffix in VIDEOS and manifest_of(path).name not in names and name + PART not in names):
                    yield path


def led_away(data: Path, folder: Path) -> bool:
    """Whether a link stands between: what lies behind it is not ours to mend, move or throw away."""
    try:
        refuse_links(data, folder)
    except StorageError as error:
        log.warning("left alone", extra={"reason": str(error)})
        return True
    return False


def recover_part(part: Path, data: Path, reserve_bytes: int = 0) -> Clip | None:
    """The clip it became; None: nothing plays in it and it lies in `salvage/` now. StorageError: no room, or a broken disk."""
    video = part.with_name(part.name.removesuffix(PART))
    if not part.exists() and video.exists():  # the last try got as far as that, and had no room for the manifest
        return rebuild(video, data)
    probe = probed(part)
    if probe is None:
        _put_aside(part, data)
        return None
    close_part(part, video, probe.frames, probe.comment, reserve_bytes)
    return rebuild(video, data)


def rebuild(video: Path, data: Path) -> Clip | None:
    """Give a video a manifest made of what it says of itself; None: it does not play and lies in `salvage/` now."""
    probe = probed(video)
    if probe is None:
        salvage(video, data)
        return None
    size, digest = sized(video)
    draft = _draft(probe, video)
    first_ns = draft.origin_pts_ns + probe.first_ns
    span_ns = probe.end_ns - probe.first_ns
    changes = {
        "start_pts_ns": first_ns,
        "end_pts_ns": first_ns + span_ns,
        "end": draft.start + timedelta(microseconds=span_ns // 1000),
        "frames": probe.frames,
        "last_frame": draft.first_frame + probe.frames - 1,
        "bytes": size,
        "sha256": digest,
        "file": video.name,
    }
    clip = draft.model_copy(update=changes)
    write_manifest(video, clip)
    log.info("clip recovered", extra={"camera": clip.camera, "file": clip.file, "frames": clip.frames})
    return clip


def _draft(probe: Probe, video: Path) -> Clip:
    """The manifest a clip was begun with lies in the file itself; without it, what the name says."""
    try:
        return Clip.model_validate_json(probe.comment)
    except ValidationError:
        return Clip(
            id=uuid5(NAMESPACE, f"clip|{video.parent.parent.name}|{video.parent.name}|{video.name}"),
            camera=unquote(video.parent.parent.name),
            file=video.name,
            container="mkv" if video.suffix == ".mkv" else "mp4",
            codec=probe.codec,
            width=probe.width,
            height=probe.height,
            start=_named_start(video),
            end=EPOCH,
            start_pts_ns=0,
            end_pts_ns=0,
            origin_pts_ns=0,
            pre_roll_asked_ms=0,
            pre_roll_ms=0,
            post_roll_asked_ms=0,
            first_frame=0,
            last_frame=0,
            frames=0,
            bytes=0,
            sha256="0" * 64,
            state="recovered",
            reason="cut off",
        )


def _named_start(video: Path) -> datetime:
    try:
        named = datetime.strptime(f"{video.parent.name} {video.name[:10]}000", "%Y-%m-%d %H%M%S.%f")
    except ValueError:
        return EPOCH + timedelta(microseconds=video.stat().st_mtime_ns // 1000)
    return named.replace(tzinfo=timezone.utc)


def probed(path: Path) -> Probe | None:
    """Counts the pictures by reading all packets; None when there is none."""
    try:
        with av.open(str(path), options=PROBE, **ANY_TEXT) as video:
            stream = video.streams.video[0]
            spans = [
                (packet.pts * 1_000_000_000 * packet.time_base.numerator // packet.time_base.denominator, _length_ns(packet))
                for packet in readable(video, stream)
                if packet.pts is not None
            ]
            context, tags = stream.codec_context, {key.lower(): value for key, value in video.metadata.items()}
            if not spans or context is None:  # no pictures, or of no codec there is
                return None
            end_ns = max(at + length for at, length in spans)
            first_ns = min(at for at, _ in spans)
            return Probe(len(spans), first_ns, end_ns, context.name, context.width, context.height, tags.get("comment", ""))
    except (FFmpegError, IndexError, ValueError) as error:
        if isinstance(error, OSError):
            raise StorageError(f"{path}: cannot be read ({error}); check the disk and the file's owner") from error
        return None


def _length_ns(packet: av.Packet[av.VideoStream]) -> int:
    return int((packet.duration or 0) * packet.time_base * 1_000_000_000)


def _put_aside(part: Path, data: Path) -> None:
    if holds_nothing(part):
        part.unlink()
    else:
        salvage(part, data)


def holds_nothing(path: Path) -> bool:
    """Not a byte, or the beginning of an MP4 alone: no picture had come so far, so there is nothing to keep."""
    if path.stat().st_size > HEAD_BYTES:
        return False
    data, at = path.read_bytes(), 0
    while len(data) - at >= 8:
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind not in {b"ftyp", b"free"} or not 8 <= size <= LONGEST_BOX:
            return False
        at += size
    return at > 0 or not data


def salvage(path: Path, data: Path) -> Path:
    """Out of the way, under the same names; never over another."""
    target = salvage_folder(data) / path.relative_to(clips_folder(data))
    refuse_links(data, target.parent)
    number = 0
    while target.exists():
        number += 1
        target = target.with_name(f"{path.name}~{number}")
    rename_durably(path, target)
    log.warning("a file that does not play was put aside", extra={"file": str(target.relative_to(data))})
    return target
