"""Troubles: what the disk refused, each kind said once and then counted, until it is over."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from contracts.errors import StorageError
from contracts.files import MENDS
from device.clock import Clock

log = logging.getLogger(__name__)
AGAIN_NS = 600_000_000_000  # the same trouble is logged again after so long
OVER_NS = 120_000_000_000  # not met for so long: it is over
MOST = 64  # kinds remembered


@dataclass(slots=True)
class Trouble:
    text: str
    count: int
    met_ns: int
    said_ns: int


def words(error: Exception) -> str:
    """What the disk said and what to do."""
    if isinstance(error, OSError):
        return MENDS.get(error.errno or 0, f"{error.strerror or error}; see the disk's state with dmesg")
    return str(error)


def code(error: Exception) -> int | str:
    cause = error if isinstance(error, OSError) else error.__cause__
    return (cause.errno or 0) if isinstance(cause, OSError) else type(error).__name__


class Troubles:
    """A kind is what was being done and the error's number, not the file: a thousand files that cannot be read are one line."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kinds: dict[tuple[str, int | str], Trouble] = {}

    def met(self, doing: str, error: Exception) -> None:
        """`doing`: `clips: 2026-11-22/x.mp4 cannot be removed`; the part before the colon and the last words make the kind."""
        if not isinstance(error, (OSError, StorageError)):
            raise error  # a bug, which is for the crew
        now = self._clock.mono_ns()
        shelf, _, rest = doing.partition(": ")
        kind = (f"{shelf}: {rest.rpartition(' cannot ')[2]}", code(error))
        text = f"{doing} ({words(error)})" if isinstance(error, OSError) else f"{doing}: {words(error)}"
        trouble = self._kinds.setdefault(kind, Trouble(text, 0, now, now - AGAIN_NS))
        trouble.count, trouble.met_ns, trouble.text = trouble.count + 1, now, text
        if now - trouble.said_ns >= AGAIN_NS:
            trouble.said_ns = now
            log.error("the disk refused", extra={"reason": text, "times": trouble.count})
        while len(self._kinds) > MOST:
            self._kinds.pop(next(iter(self._kinds)))

    def now(self) -> list[Trouble]:
        """Those that last, newest last; what has not been met for a while is over."""
        now = self._clock.mono_ns()
        for kind in [kind for kind, trouble in self._kinds.items() if now - trouble.met_ns >= OVER_NS]:
            log.info("the disk takes it again", extra={"reason": self._kinds.pop(kind).text})
        return sorted(self._kinds.values(), key=lambda trouble: trouble.met_ns)

    def of(self, shelf: str) -> str:
        return next((trouble.text for (kind, _), trouble in self._kinds.items() if kind.startswith(f"{shelf}: ")), "")
