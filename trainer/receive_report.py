"""What fetching did, and what it tells meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass
class Report:
    """Nothing that is counted here is lost by an error later: it is in the data set."""

    pages: int = 0
    records: int = 0
    pictures: int = 0
    bytes: int = 0  # of those pictures
    known: int = 0  # records that were here already
    gone: int = 0  # records whose picture the box had removed before it was fetched
    removed: int = 0  # notes of the box that it removed a picture; ours stays
    damaged: int = 0  # lines that the box itself cannot read any more
    unacknowledged: int = 0  # pages that are here, and the box could not be told
    why: str = ""  # it could not be told


class Progress(Protocol):
    """Whoever shows it."""

    def came(self, count: int) -> None:
        """Bytes of pictures; called from several threads."""
        ...

    def at(self, box: str, done: float) -> None:
        """Part of what the box offers that is here, 0 to 1."""
        ...


class Quiet:
    """Nobody looks."""

    def came(self, count: int) -> None:
        return None

    def at(self, box: str, done: float) -> None:
        return None
