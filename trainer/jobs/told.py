"""Told: what long work says while it is done, and how it hears that nobody wants it any more."""

from __future__ import annotations

from typing import Protocol


class Told(Protocol):
    """Called from the thread that works, as often as it likes: whoever listens decides what to keep."""

    def progress(self, done: float, said: str) -> None:
        """`done` from 0 to 1, and a line for people."""

    def stopped(self) -> bool:
        """Whether to end soon, leaving what can be taken up again; asked between steps of at most a few seconds."""


class Silent:
    """For who does not listen and never stops it."""

    def progress(self, done: float, said: str) -> None:
        return

    def stopped(self) -> bool:
        return False
