"""Fault: what is wrong with options that are each fine by themselves; the configuration puts file and line to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Fault:
    """`loc` is the way to it from the options, as in pydantic's errors: `("transitions", 3, "to")`."""

    loc: tuple[str | int, ...]
    value: str
    what: str
    mend: str

    def __str__(self) -> str:
        given = f" = {self.value}" if self.value else ""
        return f"{'.'.join(map(str, self.loc))}{given}: {self.what}; {self.mend}"


@runtime_checkable
class Examined(Protocol):
    """Options that are looked at as a whole, when the configuration is read."""

    def faults(self, kinds: frozenset[str] | None) -> Iterable[Fault]:
        """`kinds`: those of the events that the stages before give; None when they cannot all be known by then."""
        ...


@runtime_checkable
class Giving(Protocol):
    """Options of a stage that gives events."""

    def gives(self) -> frozenset[str] | None:
        """The kinds of its events; None when they cannot be known before it runs."""
        ...
