"""Upkeep: snapshot and timestamp signed anew each day, so that boxes see that nobody holds releases back."""

from __future__ import annotations

import logging
import threading

from contracts.errors import VedetteError
from trainer.clock import Clock
from trainer.home import Home
from trainer.push.place import Place
from trainer.push.repository import Repository

log = logging.getLogger(__name__)
EVERY_S = 600.0


class Upkeep:
    """Beside whatever else the program does. A home without keys has nothing to keep up; one that gets them is noticed."""

    def __init__(self, home: Home, clock: Clock) -> None:
        self._place, self._clock = Place(home), clock
        self.trouble = ""

    def step(self) -> bool:
        """Whether something was signed."""
        if not self._place.begun:
            return False
        try:
            done = Repository(self._place, self._clock).refresh()
        except Exception as error:  # noqa: BLE001 - a seam: nobody sees this thread end, and a fleet's releases would expire
            self._say(str(error) if isinstance(error, VedetteError) else f"{type(error).__name__}: {error}")
            return False
        self.trouble = ""
        return done

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.step()
            stop.wait(EVERY_S)

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.warning("what boxes may run was not signed anew: %s", trouble)
        self.trouble = trouble
