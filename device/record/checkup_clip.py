"""One clip's manifest against what is on the disk, and the segments of a recording against each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import UUID

from contracts.clip import Clip
from contracts.files import file_name
from device.record.faults import Fault

SLACK_NS = 100_000_000  # a segment's end is as exact as the length of its last picture


def judged(clip: Clip, video: str, size: int) -> Iterator[Fault]:
    """What can be said without reading the video."""
    _, camera, day, name = video.split("/")
    if size != clip.bytes:
        yield Fault("wrong size", video, f"{size} bytes, and {clip.bytes} when it was recorded")
    if (clip.file, file_name(clip.camera), f"{clip.start:%Y-%m-%d}") != (name, camera, day):
        yield Fault("misplaced", video, f"its manifest is of {clip.file}, camera {clip.camera}, {clip.start:%Y-%m-%d}")
    for hole in clip.holes:
        lost_s = max(0, hole.until_pts_ns - hole.from_pts_ns) / 1e9
        at_s = (hole.from_pts_ns - clip.start_pts_ns) / 1e9
        lost = f"{lost_s:.2f} s missing" if lost_s >= 0.005 else "the stream begins anew and nothing is missing"
        yield Fault("hole", video, f"{lost} at {at_s:.2f} s: {_REASONS.get(hole.reason, hole.reason)}")


_REASONS = {"reconnect": "the camera was away", "skipped": "the recorder came too late"}


def unlike(video: str, wanted: tuple[int, str], found: tuple[int, str]) -> Fault | None:
    """A file's size and hash against those of the manifest."""
    if found[0] != wanted[0]:
        return Fault("wrong size", video, f"{found[0]} bytes, and {wanted[0]} when it was recorded")
    if found[1] != wanted[1]:
        return Fault("wrong hash", video, f"SHA-256 {found[1][:16]}…, and {wanted[1][:16]}… when it was recorded")
    return None


@dataclass(frozen=True, slots=True)
class Segment:
    number: int
    start_pts_ns: int
    end_pts_ns: int
    video: str
    told: bool  # its manifest has a hole before its beginning


@dataclass(slots=True)
class Recordings:
    """Segments by recording and camera."""

    segments: dict[tuple[UUID, str], list[Segment]] = field(default_factory=lambda: defaultdict(list))

    def add(self, clip: Clip, video: str) -> None:
        if clip.group:
            told = any(hole.from_pts_ns < clip.start_pts_ns for hole in clip.holes)
            segment = Segment(clip.segment, clip.start_pts_ns, clip.end_pts_ns, video, told)
            self.segments[clip.group, clip.camera].append(segment)

    def gaps(self) -> Iterator[Fault]:
        for segments in self.segments.values():
            segments.sort(key=lambda segment: (segment.number, segment.start_pts_ns))
            for before, after in pairwise(segments):
                if fault := _between(before, after):
                    yield fault


def _between(before: Segment, after: Segment) -> Fault | None:
    missing = after.number - before.number - 1
    if missing > 0:
        return Fault("gap", after.video, f"{missing} segment(s) of this recording before it are not there: removed, or lost")
    away_ns = after.start_pts_ns - before.end_pts_ns
    if away_ns > SLACK_NS and not after.told:
        return Fault("gap", after.video, f"{away_ns / 1e9:.2f} s between it and the segment before")
    return None
