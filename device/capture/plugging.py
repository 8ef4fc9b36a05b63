"""Plugging: the worker that sees local cameras come and go, and has those opened at once that were waited for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from device.capture.local import LocalCamera
from device.pipeline.protocols import Tick

log = logging.getLogger(__name__)
EVERY_S = 3.0  # without a word from the kernel
SETTLE_S = 0.1  # however much the kernel says, it is not looked at more often


@runtime_checkable
class Pluggable(Protocol):
    """A source that may be plugged in and out."""

    def plugged(self, cameras: Sequence[LocalCamera]) -> Path | None: ...


class Hints(Protocol):
    def wait(self, seconds: float) -> bool: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Waiting:
    """A camera of the configuration, and how it is opened without waiting further."""

    source: Pluggable
    wake: Callable[[], None]


class Plugging:
    """`found` is what is plugged in, for whoever asks; a camera that nobody configured is said in the log, with its id."""

    def __init__(
        self, look: Callable[[], list[LocalCamera]], hints: Callable[[], Hints], waiting: Mapping[str, Waiting],
        on_change: Callable[[list[LocalCamera]], None] = lambda _found: None,
    ) -> None:  # fmt: skip
        self._look, self._open_hints, self._waiting, self._on_change = look, hints, waiting, on_change
        self._stopping = threading.Event()
        self._nodes: dict[str, Path | None] = {}
        self._plugged: dict[str, LocalCamera] | None = None
        self.found: list[LocalCamera] = []

    def run(self, tick: Tick) -> None:
        """Worker: until `close`."""
        hints = self._open_hints()
        try:
            while not self._stopping.is_set():
                tick()
                self.step()
                self._stopping.wait(SETTLE_S)
                left_s = EVERY_S
                while left_s > 0 and not self._stopping.is_set() and not hints.wait(min(left_s, 0.5)):
                    tick()
                    left_s -= 0.5
        finally:
            hints.close()

    def close(self) -> None:
        self._stopping.set()

    def step(self) -> None:
        """One that may not be opened yet is there when udev has said who may."""
        self.found = self._look()
        ready = [camera for camera in self.found if not camera.fault]
        nodes = {name: each.source.plugged(ready) for name, each in self._waiting.items()}
        self._say(nodes)
        before, self._nodes = self._nodes, nodes
        for name, node in nodes.items():
            if node is not None and before.get(name) != node:
                self._waiting[name].wake()

    def _say(self, nodes: Mapping[str, Path | None]) -> None:
        now = {str(camera.full): camera for camera in self.found if not camera.fault}
        before, self._plugged = self._plugged, now
        if before is None or now.keys() == before.keys():
            return
        names = {node: name for name, node in nodes.items() if node}
        for full in now.keys() - before.keys():
            camera = now[full]
            said = {"camera": names.get(camera.node, ""), "device": camera.id, "model": camera.name}
            log.info("camera plugged in" if camera.node in names else "camera plugged in that is not configured", extra=said)
        for full in before.keys() - now.keys():
            log.info("camera unplugged", extra={"device": before[full].id, "model": before[full].name})
        self._on_change(self.found)
