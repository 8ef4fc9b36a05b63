"""What a kill or a power cut left of sessions: takes are closed as far as their clips play, sessions are ended, nothing is thrown away."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from pydantic import ValidationError

from contracts.errors import StorageError
from contracts.files import file_name, rename_durably, storage, sync_folder
from contracts.takes import TakeClip, TakeEnd, TakeHead, TakeLine
from device.pipeline.take_log import NAME, TakeLog, TakeStory, read_log
from device.record.clipfile import PART
from device.record.closing import COPY, close_part
from device.record.layout import VIDEOS, sized
from device.record.recover import holds_nothing, probed
from device.record.session import CALIBRATION, MANIFEST, read_session, write_session

log = logging.getLogger(__name__)
TEMP = f".{MANIFEST}.tmp"  # a session's manifest being written
BROKEN = ".broken"  # a video in which nothing plays


@dataclass(frozen=True, slots=True)
class RecoveredTakes:
    """What was found at a start."""

    takes: list[Path] = field(default_factory=list)  # ended now; their files can be made
    aside: list[Path] = field(default_factory=list)  # nothing says what they are
    waiting: list[str] = field(default_factory=list)  # the disk refused; next time


def recover_takes(recordings: Path, on_take: Callable[[Path], None]) -> RecoveredTakes:
    """Before takes are recorded. `on_take` gets each folder whose files have to be made."""
    found = RecoveredTakes()
    for session in sorted(recordings.glob("session-*/")):
        if session.is_symlink():
            continue
        with suppress(OSError):
            (session / TEMP).unlink()
        for folder in sorted(session.glob(f"{_literal(session.name)}-*/")):
            try:
                _recover(folder, found, on_take)
            except Exception as error:  # noqa: BLE001 - a seam: a damaged take may be answered with anything, and must not stop the box
                found.waiting.append(f"{folder}: {error}")
                log.warning("a cut take could not be closed", extra={"take": folder.name, "reason": str(error)})
        try:
            _end(session)
        except (OSError, StorageError) as error:  # e.g. a folder somebody else put there, into which we may not look
            found.waiting.append(f"{session}: {error}")
            log.warning("a session could not be ended", extra={"session": session.name, "reason": str(error)})
    return found


def _recover(folder: Path, found: RecoveredTakes, on_take: Callable[[Path], None]) -> None:
    story = None if folder.is_symlink() else read_log(folder)
    if story is None and (folder / MANIFEST).exists():
        return
    if story is None or story.head is None:
        _without_a_log(folder, found)
        return
    if story.end is None and not close_take(folder, story, story.head):
        _take_back(folder)
        return
    found.takes.append(folder)
    on_take(folder)


def _without_a_log(folder: Path, found: RecoveredTakes) -> None:
    """Begun, and cut before the first line was safe: there is at most a piece of it, and no video can be there."""
    if folder.is_symlink():
        return
    kept = [path for path in folder.iterdir() if path.stat().st_size and path.name != NAME]
    if kept:
        found.aside.append(folder)
        return
    _take_back(folder)


def _take_back(folder: Path) -> None:
    """Nothing of it was safe, so it has never been."""
    with storage(folder):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        sync_folder(folder.parent)


def close_take(folder: Path, story: TakeStory, head: TakeHead) -> bool:
    """Every camera's clip closed as far as it plays, and the log's last line. False: there is nothing but the log, which is left."""
    faults = ["a crash or a power cut came between; the clips end where it came"]
    found = {camera: story.clips.get(camera) or _clip(folder, camera, head.start_ns) for camera in head.cameras}
    if not any(found.values()) and [path.name for path in folder.iterdir()] == [NAME]:
        log.warning("a take of which no picture was safe yet is taken back", extra={"take": head.pitch_id})
        return False
    take_log = TakeLog(folder)
    try:
        for camera, clip in found.items():
            if clip is None:
                faults.append(f"camera {camera}: nothing of it could be kept")
            elif camera not in story.clips:
                take_log.write(TakeLine(clip=clip))
        end, end_ns = last_seen(story, head)
        take_log.write(TakeLine(end=TakeEnd(end=end, end_ns=end_ns, reason="cut off", state="recovered", faults=faults)))
    finally:
        take_log.close()
    log.info("take recovered", extra={"take": head.pitch_id})
    return True


def last_seen(story: TakeStory, head: TakeHead) -> tuple[datetime, int]:
    """The last frame of the deciding camera with a detection, wherever in the picture: the gate's verdict is not in the log."""
    seen = [look.mono_ns for look in story.looks if look.camera == head.camera and look.found and look.mono_ns >= head.start_ns]
    end_ns = max(seen, default=head.start_ns)
    return head.start + timedelta(microseconds=(end_ns - head.start_ns) // 1000), end_ns


def _clip(folder: Path, camera: str, start_ns: int) -> TakeClip | None:
    """The clip of a camera, whole or cut; None: there is none that plays."""
    for suffix in VIDEOS:
        video = folder / f"{file_name(camera)}{suffix}"
        part = video.with_name(video.name + PART)
        with suppress(FileNotFoundError):
            part.with_name(video.name + COPY).unlink()
        if part.is_file() and not part.is_symlink() and not _close(part, video):
            continue
        if video.is_file() and not video.is_symlink():
            return _described(video, start_ns)
    return None


def _close(part: Path, video: Path) -> bool:
    probe = probed(part)
    if probe is None:
        if holds_nothing(part):
            part.unlink()
        else:
            rename_durably(part, video.with_name(video.name + BROKEN))
        return False
    close_part(part, video, probe.frames, probe.comment)
    return True


def _described(video: Path, start_ns: int) -> TakeClip | None:
    """From the manifest it was begun with, which lies in the file itself; None: it is not one of ours, or nothing plays."""
    probe = probed(video)
    if probe is None:
        rename_durably(video, video.with_name(video.name + BROKEN))
        return None
    try:
        draft = TakeClip.model_validate_json(probe.comment)
    except ValidationError:
        return None
    size, digest = sized(video)
    span_ns = probe.end_ns - probe.first_ns
    first_ns = max(0, start_ns - round(draft.pre_roll_ms * 1e6))
    changes = {
        "first_frame_ns": first_ns,
        "start_pts_ns": draft.origin_pts_ns + probe.first_ns,
        "end_pts_ns": draft.origin_pts_ns + probe.end_ns,
        "end": draft.start + timedelta(microseconds=span_ns // 1000),
        "last_frame_ns": first_ns + max(0, span_ns - span_ns // max(1, probe.frames)),
        "frames": probe.frames,
        "last_frame": draft.first_frame + probe.frames - 1,
        "bytes": size,
        "sha256": digest,
        "file": video.name,
    }
    return draft.model_copy(update=changes)


def _end(folder: Path) -> None:
    """A session that was left open is over; one without a take never was."""
    session = read_session(folder)
    if (session and session.state == "complete") or _never_was(folder) or session is None:
        return
    kept = [name for name in session.takes if (folder / name).is_dir()]
    strangers = sorted(path.name for path in folder.glob(f"{_literal(folder.name)}-*/") if path.name not in kept)
    takes = [*kept, *strangers]
    end = max(session.start, *(_mtime(folder / name) for name in takes)) if takes else session.start
    write_session(folder, session.model_copy(update={"takes": takes, "state": "complete", "end": end, "reason": "cut off"}))


def _never_was(folder: Path) -> bool:
    """No take of it was safe: its manifest and the copies of the calibration are all there is, and they go; the manifest last."""
    calibration = folder / CALIBRATION
    manifest = folder / MANIFEST
    if not set(folder.iterdir()) <= {calibration, manifest} or calibration.is_symlink():
        return False
    with storage(folder):
        for path in calibration.iterdir() if calibration.is_dir() else ():
            path.unlink()
        with suppress(FileNotFoundError):
            calibration.rmdir()
        manifest.unlink(missing_ok=True)
        folder.rmdir()
        sync_folder(folder.parent)
    log.warning("a session of which no take was safe yet is taken back", extra={"session": folder.name})
    return True


def _mtime(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)


def _literal(name: str) -> str:
    """A name that means itself in a glob pattern."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
