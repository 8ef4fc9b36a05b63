"""Key frames of a take: which pictures of a clip are kept as PNG, and writing them, decoded back out of the clip."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import cv2

from contracts.errors import HardwareError
from contracts.files import file_name, storage, sync_folder, write_durably
from contracts.takes import Absent, CameraFrames, Detection, KeyFrame, Moment
from device.export.film import Film
from vision.types import Frame

Frames = Callable[[Path], Iterator[Frame]]  # the pictures of a file, in the order of showing
COMPRESSION = 6
NO_STEREO = "there is no stereo"


def frames_folder(folder: Path, camera: str) -> Path:
    return folder / "frames" / file_name(camera)


def moments(film: Film, found: Sequence[Detection], span_ns: tuple[int, int]) -> tuple[dict[Moment, int], list[Absent]]:
    """The pictures that have a name, and why others are not there. Each camera has its own."""
    start_ns, end_ns = span_ns
    before, last = film.before(start_ns), len(film) - 1
    within = [each.frame_index for each in found if start_ns <= each.timestamp_ns <= end_ns]
    wanted: list[tuple[Moment, int | None, str]] = [
        ("pre_roll_first", 0 if before else None, "the clip begins with the take"),
        ("pre_roll_last", before - 1 if before else None, "the clip begins with the take"),
        ("first_detection", min(within, default=None), "this camera detected nothing between start and end"),
        ("release_point", None, NO_STEREO),
        ("plate_crossing", None, NO_STEREO),
        ("last_detection", max(within, default=None), "this camera detected nothing between start and end"),
        ("post_roll_last", last if film.mono_ns(last) > end_ns else None, "the clip ends with the take"),
    ]
    named = {moment: index for moment, index, _ in wanted if index is not None}
    return named, [Absent(moment=moment, reason=why) for moment, index, why in wanted if index is None]


def interval_file(index: int) -> str:
    return f"frame_{index:06d}.png"


def save(
    folder: Path, film: Film, pictures: Iterable[Frame], named: Mapping[Moment, int], steps: Sequence[int], most_bytes: int | None
) -> list[KeyFrame]:
    """Writes the named pictures and, as far as `most_bytes` goes, those of `steps`, spread evenly; what was written."""
    saved: dict[int, list[KeyFrame]] = {}
    for moment, at in named.items():
        saved.setdefault(at, []).append(KeyFrame(moment=moment, file=f"{moment}.png", frame_index=at))
    chosen: set[int] | None = None
    spent = 0
    written: list[KeyFrame] = []
    for frame in pictures:
        index = film.index_of(film.origin_pts_ns + film.times_ns[0] + frame.pts_ns)
        if index is None or (chosen is not None and index not in saved and index not in chosen):
            continue
        data = png(frame)
        chosen = spread(steps, set(saved), len(data), most_bytes) if chosen is None else chosen
        files = saved.pop(index, [])
        fits = most_bytes is None or spent + len(data) <= most_bytes
        if index in chosen and (files or fits):
            files = [*files, KeyFrame(moment="interval", file=interval_file(index), frame_index=index)]
        if files:
            spent += len(data)
            _write(folder, [each.file for each in files], data)
            written += files
    return written


def spread(steps: Sequence[int], named: set[int], png_bytes: int, most_bytes: int | None) -> set[int]:
    """The steps there is room for, evenly over the clip; those that have a name as well cost nothing."""
    free = {index for index in steps if index in named}
    rest = [index for index in steps if index not in named]
    room = len(rest) if most_bytes is None else max(0, most_bytes // max(1, png_bytes) - len(named))
    if room >= len(rest):
        return {*free, *rest}
    return {*free, *(rest[n * len(rest) // room] for n in range(room))}


def png(frame: Frame) -> bytes:
    done, data = cv2.imencode(".png", frame.planes.bgr(), [cv2.IMWRITE_PNG_COMPRESSION, COMPRESSION])
    if not done:
        raise HardwareError(f"a picture of {frame.planes.width}x{frame.planes.height} cannot be made a PNG; report it")
    return data.tobytes()


def _write(folder: Path, names: Sequence[str], data: bytes) -> None:
    """One picture under several names is on the disk once, where the file system can."""
    first, *others = [folder / name for name in names]
    write_durably(first, data)
    for path in others:
        with storage(path):
            path.unlink(missing_ok=True)
            with suppress(OSError):
                os.link(first, path)
                continue
        write_durably(path, data)
    if others:
        with storage(folder):
            sync_folder(folder)


def camera_frames(written: list[KeyFrame], named: Mapping[Moment, int], absent: list[Absent], steps: int) -> CameraFrames:
    """What there is, what there is not and why."""
    got = {each.moment for each in written}
    damaged = [Absent(moment=moment, reason="this picture of the clip is damaged") for moment in named if moment not in got]
    order = sorted(written, key=lambda each: (each.frame_index, each.moment == "interval", each.file))
    left_out = steps - sum(each.moment == "interval" for each in written)
    return CameraFrames(key_frames=order, absent=[*absent, *damaged], left_out=left_out)
