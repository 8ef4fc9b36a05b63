"""Film: the pictures of a clip in time, read from the file itself."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

import av
from av.error import FFmpegError

from contracts.errors import HardwareError, StorageError
from contracts.takes import TakeClip
from device.pipeline.contexts import ANY_TEXT, PROBE

MOST_FRAMES = 10_000_000


@dataclass(frozen=True, slots=True)
class Film:
    """`times_ns`: from the file's zero, in the order of showing; `first_ns` is the monotonic capture time of the first picture."""

    times_ns: tuple[int, ...]
    origin_pts_ns: int
    first_ns: int

    def __len__(self) -> int:
        return len(self.times_ns)

    @property
    def frame_ns(self) -> int:
        """From one picture to the next, as most are."""
        steps = sorted(b - a for a, b in zip(self.times_ns, self.times_ns[1:], strict=False))
        return steps[len(steps) // 2] if steps else 40_000_000

    def mono_ns(self, index: int) -> int:
        return self.first_ns + self.times_ns[index] - self.times_ns[0]

    def index_of(self, pts_ns: int) -> int | None:
        """The picture of that media time; None: it is not in the film. Containers round times, Matroska to a millisecond."""
        at = pts_ns - self.origin_pts_ns
        right = bisect_left(self.times_ns, at)
        near = [n for n in (right - 1, right) if 0 <= n < len(self.times_ns)]
        best = min(near, key=lambda n: abs(self.times_ns[n] - at), default=None)
        return best if best is not None and abs(self.times_ns[best] - at) <= max(1_000_000, self.frame_ns // 4) else None

    def before(self, mono_ns: int) -> int:
        """How many pictures were captured earlier; one within a quarter of a picture's time is at that time."""
        limit = mono_ns - self.frame_ns // 4
        return sum(self.mono_ns(n) < limit for n in range(len(self)))


def film_of(path: Path, clip: TakeClip) -> Film:
    """HardwareError: there is nothing in it that plays; StorageError: the disk does not give it."""
    return Film(tuple(times_ns(path)), clip.origin_pts_ns, clip.first_frame_ns)


def times_ns(path: Path) -> list[int]:
    """Of every picture, sorted; nothing is decoded."""
    found: list[int] = []
    try:
        with av.open(f"file:{path}", options={"protocol_whitelist": "file", **PROBE}, **ANY_TEXT) as video:
            stream = video.streams.video[0]
            for packet in video.demux(stream):
                if packet.pts is None or not packet.size:
                    continue
                found.append(packet.pts * 1_000_000_000 * packet.time_base.numerator // packet.time_base.denominator)
                if len(found) > MOST_FRAMES:
                    raise HardwareError(f"{path}: holds more pictures than any clip; it is none of ours")
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror or error}); see the disk's state") from error
    except (FFmpegError, IndexError, ValueError) as error:
        raise HardwareError(f"{path}: does not play ({error}); record it again") from error
    if not found:
        raise HardwareError(f"{path}: holds no picture; record it again")
    return sorted(found)
