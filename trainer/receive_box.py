"""Box: where shipments come from, whatever the way; and what a receiver waits for before it asks again."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from contracts.dataset import Record
from contracts.errors import HardwareError
from contracts.shipment import Acknowledge, ExportList, Received

LEAST_S, MOST_S = 0.5, 30.0
T = TypeVar("T")


class Box(Protocol):
    """HardwareError: try again. ProtocolError: it is not what it should be. ConfigError: somebody has to do something."""

    where: str
    tries: int  # in a row without a byte

    def exports(self) -> ExportList: ...

    def start(self, name: str, known: Received, acknowledged: int) -> int:
        """Where to begin asking for pages: `known` is what is here, `acknowledged` what the box knows to be here."""
        ...

    def following(self, name: str, place: int) -> int:
        """Where the page begins that has what is behind a place."""
        ...

    def page(self, name: str, after: int) -> bytes: ...

    def picture(self, name: str, record: Record, part: Path, tick: Callable[[int], None]) -> bool:
        """The file into `part`, going on where it ends; `tick` hears of each few bytes. False: the box does not have it any more."""
        ...

    def acknowledge(self, name: str, said: Acknowledge) -> None: ...

    def close(self) -> None: ...


class Backoff:
    """Waits between tries: twice as long each time, any part of that by chance, so that many who lost one box do not come back as one."""

    def __init__(self, stop: threading.Event, tries: int, least_s: float = LEAST_S) -> None:
        self._stop, self._tries, self._least_s = stop, tries, least_s

    def until_done(self, work: Callable[[], T], progress: Callable[[], int]) -> T:
        """`progress` grows while something comes: then it is not given up. HardwareError after so many tries for nothing."""
        failed, had = 0, progress()
        while True:
            try:
                return work()
            except HardwareError:
                failed = failed + 1 if progress() == had else 1
                had = progress()
                if failed >= self._tries or self._stop.is_set():
                    raise
            self.wait(failed)

    def wait(self, failed: int) -> None:
        self._stop.wait(random.uniform(0.1, 1.0) * min(MOST_S, self._least_s * 2 ** min(failed - 1, 10)))
