"""Channel and LatestFrames: the only objects threads share; each says what happens when it is full and counts it."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, Literal, TypeVar

from device.pipeline.protocols import EndOfStream, Tick
from vision.types import Frame

T = TypeVar("T")
SLICE_S = 1.0  # waiting is cut in slices so that a waiting worker still ticks


class Closed(Exception):
    """The channel takes or gives nothing more."""


def nothing() -> None:
    """A tick nobody listens to."""


class Channel(Generic[T]):
    """First in, first out, bounded. Full: `block` waits, `drop_oldest` gives up the oldest, counted in `dropped`."""

    def __init__(
        self, maxsize: int, when_full: Literal["block", "drop_oldest"], on_drop: Callable[[T], None] = lambda _: None
    ) -> None:
        self._maxsize, self._when_full, self._on_drop = maxsize, when_full, on_drop
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.dropped = 0

    def put(self, item: T, wait: bool = False) -> bool:
        lost: T | None = None
        with self._changed:
            while len(self._items) >= self._maxsize and not self._closed:
                if self._when_full == "drop_oldest" and not wait:
                    lost = self._items.popleft()
                    self.dropped += 1
                else:
                    self._changed.wait(SLICE_S)
            if self._closed:
                raise Closed
            self._items.append(item)
            self._changed.notify_all()
        if lost is not None:
            self._on_drop(lost)
        return True

    def get(self, timeout_s: float | None = None) -> T:
        """The oldest item; TimeoutError after `timeout_s`, Closed when closed and empty."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._items or self._closed, timeout_s):
                raise TimeoutError
            if not self._items:
                raise Closed
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def each(self, tick: Tick = nothing) -> Iterator[T]:
        """Items until closed and empty, ticking at least every second."""
        while True:
            tick()
            try:
                yield self.get(SLICE_S)
            except TimeoutError:
                continue
            except Closed:
                return

    def __len__(self) -> int:
        return len(self._items)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class LatestFrames:
    """The newest frames of each camera: one, or where `most` says so, as many as may wait. A camera keeps its turn, so a fast one
    cannot starve a slow one. Full: the oldest of that camera is given up.

    An EndOfStream waits its turn behind the camera's last frame and is never overwritten.
    """

    def __init__(self, on_drop: Callable[[Frame], None] = lambda _: None, most: Mapping[str, int] | None = None) -> None:
        self._frames: OrderedDict[str, deque[Frame]] = OrderedDict()
        self._ends: deque[EndOfStream] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._on_drop, self._most = on_drop, dict(most or {})
        self.dropped = 0

    def put(self, item: Frame | EndOfStream, wait: bool = False) -> bool:
        lost: Frame | None = None
        with self._changed:
            while wait and item.camera in self._frames and not self._closed:
                self._changed.wait(SLICE_S)
            if self._closed:
                raise Closed
            if isinstance(item, EndOfStream):
                self._ends.append(item)
            else:
                waiting = self._frames.setdefault(item.camera, deque())
                waiting.append(item)
                lost = waiting.popleft() if len(waiting) > self._most.get(item.camera, 1) else None
            self.dropped += lost is not None
            self._changed.notify_all()
        if lost is not None:
            self._on_drop(lost)
        return True

    def get(self, timeout_s: float | None = None) -> Frame | EndOfStream:
        with self._changed:
            if not self._changed.wait_for(lambda: self._frames or self._ends or self._closed, timeout_s):
                raise TimeoutError
            if self._ends and self._ends[0].camera not in self._frames:
                return self._ends.popleft()  # before other cameras' frames, which may never stop
            if not self._frames:
                raise Closed
            camera, waiting = self._frames.popitem(last=False)
            frame = waiting.popleft()
            if waiting:
                self._frames[camera] = waiting  # behind the others
            self._changed.notify_all()
            return frame

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
