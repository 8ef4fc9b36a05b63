"""Steps: how far work is that goes through the pictures several times, and where it may stop."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.errors import ConfigError
from trainer.jobs.told import Told
from trainer.ship.measuring import Tick


class Stopped(ConfigError):
    """Somebody asked to stop; what was there before is there still."""


@dataclass(frozen=True, eq=False)
class Steps:
    """`total` passes."""

    told: Told
    total: int

    def tick(self, step: int, words: str) -> Tick:
        """For pass number `step`, from 0."""

        def tick(done: int, of: int) -> None:
            if self.told.stopped():
                raise Stopped(f"stopped during {words}; nothing was written, start it again")
            self.told.progress(min((step + done / max(of, 1)) / self.total, 1.0), f"{words}: {done} of {of} pictures")

        return tick
