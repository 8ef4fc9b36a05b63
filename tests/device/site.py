"""What a site may bring along by dotted path: stages and cameras that go wrong in every way there is."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, ClassVar

from contracts.errors import BundleError, HardwareError
from device.clock import Clock
from device.pipeline.packets import Packet
from device.pipeline.strict import Strict
from vision.types import Scene

SECRET = "hunter2-swordfish"


class _Stage:
    class Options(Strict):
        after: int = 20

    def __init__(self, options: Options, context: Any) -> None:
        self._left = options.after

    def __call__(self, scene: Scene) -> Scene | None:
        self._left -= 1
        if self._left <= 0:
            self.fail(scene)
        return scene

    def fail(self, scene: Scene) -> None:
        raise NotImplementedError


class Crashes(_Stage):
    def fail(self, scene: Scene) -> None:
        raise LookupError(f"no such planogram at https://me:{SECRET}@example.org/")


class Hangs(_Stage):
    def fail(self, scene: Scene) -> None:
        threading.Event().wait()


class Unbuildable:
    class Options(Strict):
        pass

    def __init__(self, options: Options, context: Any) -> None:
        raise KeyError("planogram")


class Wide:
    """A stage that keeps frames in flight; `closed` counts by name, for whoever forgets to."""

    closed: ClassVar[Counter[str]] = Counter()
    depth = 2

    class Options(Strict):
        name: str
        bundle: str = ""

    def __init__(self, options: Options, context: Any) -> None:
        self._name = options.name

    def submit(self, scene: Scene) -> Future[Scene]:
        done: Future[Scene] = Future()
        done.set_result(scene)
        return done

    def close(self) -> None:
        self.closed[self._name] += 1


class _Camera:
    live = True
    identity = "site"

    class Options(Strict):
        pass

    def __init__(self, camera: str, options: Options, clock: Clock) -> None:
        self.camera = camera
        self.closed = threading.Event()

    def packets(self) -> Iterator[Packet]:
        self.wait()
        yield from ()

    def wait(self) -> None:
        self.closed.wait()

    def close(self) -> None:
        self.closed.set()


class Silent(_Camera):
    """Nothing comes until it is closed."""


class Stuck(_Camera):
    """A driver that does not come back, whatever is closed."""

    def wait(self) -> None:
        threading.Event().wait()


class Buggy(_Camera):
    def wait(self) -> None:
        raise ZeroDivisionError("frames per nothing")


class Refusing(_Camera):
    def wait(self) -> None:
        raise BundleError(f"camera {self.camera}: its own model is broken; send it in")


class Unplugged(_Camera):
    def __init__(self, camera: str, options: Any, clock: Clock) -> None:
        raise HardwareError(f"camera {camera}: no such device; plug it in")
