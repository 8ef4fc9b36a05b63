"""AnalysedTime: media time as far as it was looked at; what ages by it never ages while nobody looks."""

from __future__ import annotations


class AnalysedTime:
    """Each answered scene adds the media time since the scene before it, at most `step_ns`: a gated gap counts as one step.

    A scene without an answer adds nothing, nor does the time up to it; a step back counts as none.
    """

    def __init__(self, step_ns: int) -> None:
        self._step_ns = step_ns
        self._last_pts_ns: int | None = None
        self.now_ns = 0

    def advance(self, pts_ns: int, answered: bool) -> int:
        """The analysed time at this scene."""
        since = 0 if self._last_pts_ns is None else pts_ns - self._last_pts_ns
        self._last_pts_ns = pts_ns
        if answered:
            self.now_ns += max(0, min(since, self._step_ns))
        return self.now_ns


def longest_step_ns(detection_fps: float) -> int:
    """More than two sampling intervals (and than a second) without a scene is a gap that nobody looked into."""
    return int(max(1.0, 2.0 / detection_fps) * 1e9)
