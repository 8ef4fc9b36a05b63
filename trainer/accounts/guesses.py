"""Guesses: wrong passwords slow down who gives them, by address and, more gently, by name."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from serving.addresses import guesser
from trainer.clock import Clock

REMEMBERED = 4096  # addresses and names; the oldest is forgotten


@dataclass(frozen=True, slots=True)
class Patience:
    """`free` wrong guesses cost nothing; each further one doubles the wait, up to `longest_s`."""

    free: int
    longest_s: int


ADDRESS = Patience(5, 900)
NAME = Patience(20, 60)  # who knows a name must not be able to keep its owner out


@dataclass(frozen=True, slots=True)
class Wrong:
    guesses: int
    until_mono_ns: int


class Guesses:
    """Of this process; any thread may ask."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._wrong: OrderedDict[str, Wrong] = OrderedDict()

    def wait_s(self, address: str, name: str) -> int:
        """Seconds until a guess is heard again."""
        with self._lock:
            untils = [self._wrong[key].until_mono_ns for key in _keys(address, name) if key in self._wrong]
        left_ns = max(untils, default=0) - self._clock.mono_ns()
        return max(0, -(-left_ns // 1_000_000_000))

    def wrong(self, address: str, name: str) -> None:
        with self._lock:
            for key, patience in _keys(address, name).items():
                guesses = self._wrong.pop(key, Wrong(0, 0)).guesses + 1
                over = guesses - patience.free
                wait_s = min(patience.longest_s, 2 ** min(over, 20)) if over >= 0 else 0
                self._wrong[key] = Wrong(guesses, self._clock.mono_ns() + wait_s * 1_000_000_000)
            while len(self._wrong) > REMEMBERED:
                self._wrong.popitem(last=False)

    def right(self, address: str, name: str) -> None:
        with self._lock:
            for key in _keys(address, name):
                self._wrong.pop(key, None)


def _keys(address: str, name: str) -> dict[str, Patience]:
    return {f"address {guesser(address)}": ADDRESS, f"name {name.lower()[:64]}": NAME}
