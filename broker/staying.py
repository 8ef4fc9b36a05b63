"""Staying: a connection that is made again whenever it is lost, after a jittered, doubled pause; on its owner's thread."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from broker.link import Link

SLICE_S = 0.2  # longest time without a tick while nothing is served
STABLE_NS = 5_000_000_000  # a connection that lasted so long was a good one: the next attempt begins early again


def backoff_s(attempt: int, least_s: float, most_s: float, rng: random.Random) -> float:
    """Doubles with each attempt up to a cap; half of it is chance, so that a thousand boxes do not come back at once."""
    top = min(most_s, least_s * 2.0 ** min(attempt, 30))
    return rng.uniform(top / 2, top)


def _silent() -> None:
    """Nobody listens whether this thread lives."""


class Staying:
    """`make` gives a new link for each connection. `patience_s`: how long one that is being made is still waited for when its owner
    stops, so that a farewell can be said. Only `wake` is for other threads."""

    def __init__(
        self, make: Callable[[], Link], pause_s: tuple[float, float], mono_ns: Callable[[], int], *, patience_s: float = 0.0,
        rng: random.Random | None = None,
    ) -> None:  # fmt: skip
        self._make, self._pause_s, self._mono_ns, self._patience_ns = make, pause_s, mono_ns, int(patience_s * 1e9)
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret; seeded by the system
        self._lock = threading.Lock()
        self.link: Link | None = None  # the one of the moment

    def wake(self) -> None:
        """There is something to send."""
        with self._lock:
            if self.link is not None:
                self.link.wake()

    def run(
        self, stop: threading.Event, serve: Callable[[Link], None], lost: Callable[[str], None], tick: Callable[[], None] = _silent
    ) -> None:
        """Until told to stop. `serve` has the link from when it is up until it is lost, or the owner stops; `lost` is told why."""
        attempt = 0
        while not stop.is_set():
            reason, up_ns = self._connection(stop, serve, tick)
            if stop.is_set():
                return
            attempt = 0 if up_ns > STABLE_NS else attempt + 1
            lost(reason)
            self._rest(backoff_s(attempt, *self._pause_s, self._rng), stop, tick)

    def _connection(self, stop: threading.Event, serve: Callable[[Link], None], tick: Callable[[], None]) -> tuple[str, int]:
        """From CONNECT to the loss of it: why it was lost, and how long (ns) it was up. One that only tried for long was no good one:
        a broker that does not come to answering is asked ever more rarely."""
        link = self._make()
        with self._lock:
            self.link = link
        try:
            link.connect()
            self._wait(link, stop, tick)
            began_ns = self._mono_ns()
            if not link.up:
                return link.lost or "stopped", 0
            serve(link)
            return link.lost or "stopped", self._mono_ns() - began_ns
        finally:
            with self._lock:
                self.link = None
            link.close(farewell=stop.is_set())

    def _wait(self, link: Link, stop: threading.Event, tick: Callable[[], None]) -> None:
        stopped_ns: int | None = None
        while link.lost is None and not link.up:
            if stop.is_set():
                stopped_ns = self._mono_ns() if stopped_ns is None else stopped_ns
                if self._mono_ns() - stopped_ns >= self._patience_ns:
                    return
            tick()
            link.spin(SLICE_S)

    def _rest(self, seconds: float, stop: threading.Event, tick: Callable[[], None]) -> None:
        until_ns = self._mono_ns() + int(seconds * 1e9)
        while (left_s := (until_ns - self._mono_ns()) / 1e9) > 0 and not stop.wait(min(left_s, SLICE_S)):
            tick()
