"""Marking: where two models differed, the next scene of that camera goes on to the training data with the doubt."""

from __future__ import annotations

import threading

from device.pipeline.doubts import DISAGREEMENT, doubted
from device.pipeline.protocols import Inbox
from vision.types import Scene

SOON_NS = 2_000_000_000  # a later scene shows something else


class Marking:
    """An Inbox before another. Its scene has the tracks that the one which was compared, straight from the detector, has not."""

    def __init__(self) -> None:
        self._behind: Inbox[Scene] | None = None
        self._lock = threading.Lock()
        self._differed_ns: dict[str, int] = {}

    def go_before(self, inbox: Inbox[Scene], outlets: list[Inbox[Scene]]) -> None:
        """In its place among those that scenes are handed to."""
        self._behind = inbox
        outlets[outlets.index(inbox)] = self

    def differed(self, scene: Scene) -> None:
        """From any thread."""
        with self._lock:
            self._differed_ns[scene.frame.camera] = scene.frame.mono_ns

    def put(self, item: Scene, wait: bool = False) -> bool:
        with self._lock:
            at_ns = self._differed_ns.pop(item.frame.camera, None) if self._differed_ns else None
        if at_ns is not None and 0 <= item.frame.mono_ns - at_ns < SOON_NS and item.detections.status == "ok":
            item = doubted(item, DISAGREEMENT)
        return self._behind.put(item, wait) if self._behind is not None else False
