"""Crew: named threads of which one crash stops all; ticks tell the watchdog who still goes round."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from device.clock import Clock
from device.pipeline.channel import Closed
from device.pipeline.protocols import Tick

log = logging.getLogger(__name__)


class ZombieThread(RuntimeError):
    """A worker did not end in time after everything was closed."""


class Crew:
    """`closers` are called in the order of the flow when the crew stops, so that every waiting worker wakes and ends."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._threads: list[threading.Thread] = []
        self._closers: list[Callable[[], None]] = []
        self._ticks: dict[str, int] = {}
        self._deadlines: dict[str, int] = {}
        self._done: set[str] = set()
        self._started_ns = clock.mono_ns()
        self._changed = threading.Condition()
        self.crash: tuple[str, BaseException] | None = None

    def on_stop(self, closer: Callable[[], None]) -> None:
        self._closers.append(closer)

    def add(self, name: str, work: Callable[[Tick], None], deadline_s: float = 15.0) -> None:
        """A worker; `work(tick)` must call tick at least every `deadline_s` until it returns."""
        if name in self._deadlines:
            raise ValueError(f"two workers named {name}; give each its own name")
        self._deadlines[name] = int(deadline_s * 1e9)
        self._threads.append(threading.Thread(target=self._run, args=(name, work), name=name, daemon=True))

    def start(self) -> None:
        self._started_ns = self._clock.mono_ns()
        for thread in self._threads:
            thread.start()

    def _run(self, name: str, work: Callable[[Tick], None]) -> None:
        try:
            work(lambda: self._tick(name))
        except Closed:
            pass
        except BaseException as error:  # the one place that answers a bug: everything stops, systemd restarts
            log.critical("worker crashed", extra={"worker": name}, exc_info=True)
            with self._changed:
                self.crash = self.crash or (name, error)
        with self._changed:
            self._done.add(name)
            self._changed.notify_all()

    def _tick(self, name: str) -> None:
        self._ticks[name] = self._clock.mono_ns()

    def ready(self) -> bool:
        """Every worker has gone round at least once."""
        return all(name in self._ticks or name in self._done for name in self._deadlines)

    def late(self) -> list[str]:
        """Workers that missed their deadline, the first tick included; the watchdog is petted only while this is empty."""
        now = self._clock.mono_ns()
        return [
            name
            for name, deadline in self._deadlines.items()
            if name not in self._done and now - self._ticks.get(name, self._started_ns) > deadline
        ]

    def silent_s(self) -> float:
        """How long the one of those late that has been silent longest has been so; 0 when none is late."""
        now = self._clock.mono_ns()
        return max((now - self._ticks.get(name, self._started_ns) for name in self.late()), default=0) / 1e9

    def wait(self, timeout_s: float | None = None) -> bool:
        """True when a worker crashed or all are done."""
        with self._changed:
            return self._changed.wait_for(lambda: self.crash is not None or len(self._done) == len(self._threads), timeout_s)

    def stop(self, timeout_s: float = 10.0) -> None:
        """Close everything in order and join; ZombieThread names who did not end. A closer that fails is raised at the end."""
        deadline = self._clock.mono_ns() + int(timeout_s * 1e9)
        failed = [error for closer in self._closers if (error := _failure(closer))]
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, (deadline - self._clock.mono_ns()) / 1e9))
        alive = [thread.name for thread in self._threads if thread.is_alive()]
        if alive:
            raise ZombieThread(f"{', '.join(alive)} did not end within {timeout_s:g} s of being closed")
        if failed:
            raise failed[0]


def _failure(closer: Callable[[], None]) -> Exception | None:
    try:
        closer()
    except Exception as error:  # the other workers must still be woken, or one bad closer makes zombies of all
        log.exception("could not close")
        return error
    return None
