"""Parts of a recording by time, with a gap between them: neighbouring frames are nearly the same picture."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.errors import ConfigError


@dataclass(frozen=True)
class Split:
    """Frame indices [first, last) of each part."""

    train: tuple[int, int]
    validation: tuple[int, int]
    test: tuple[int, int]

    def part(self, index: int) -> str | None:
        """The part a frame belongs to; None: it lies in a gap."""
        for name in ("train", "validation", "test"):
            first, last = getattr(self, name)
            if first <= index < last:
                return name
        return None


def by_time(frames: int, train: float = 0.6, validation: float = 0.08, gap: int = 15) -> Split:
    """The first part trains, the next chooses, the last is never looked at before the end; `gap` frames in between are unused."""
    a = int(frames * train)
    b = a + gap + int(frames * validation)
    if b + gap >= frames or a < 1 or b - a - gap < 1:
        raise ConfigError(f"split: {frames} frames are too few for parts of {train} and {validation} with gaps of {gap}; use more footage")
    return Split((0, a), (a + gap, b), (b + gap, frames))
