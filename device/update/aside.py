"""Aside: what takes its time, on a thread of its own, while whoever waits for it says that he lives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

ROUND_S = 0.5
T = TypeVar("T")


def aside(name: str, work: Callable[[], T], tell: Callable[[], None]) -> T:
    """What `work` gives or raises; `tell` is called every half second. When that raises, the work goes on to limits of its own, and
    nobody listens."""
    found: list[T] = []
    flaws: list[Exception] = []

    def run() -> None:
        try:
            found.append(work())
        except Exception as error:  # noqa: BLE001 - carried over to the thread that waits
            flaws.append(error)

    working = threading.Thread(target=run, name=name, daemon=True)
    working.start()
    while working.is_alive():
        working.join(ROUND_S)
        tell()
    if flaws:
        raise flaws[0]
    return found[0]
