"""Refusals: why an update is not taken, by a code; the old model serves on."""

from __future__ import annotations

import logging

from contracts.errors import BundleError
from contracts.update import UpdateCode

log = logging.getLogger(__name__)
MAX_WORDS = 900
PASSING: frozenset[UpdateCode] = frozenset({"E_FETCH", "E_SPACE", "E_FREEZE"})  # may be over by itself: the box waits and tries again


class Refusal(BundleError):
    """What is refused, and what to do; some wait (`passing`), the others end the assignment."""

    def __init__(self, code: UpdateCode, words: str) -> None:
        super().__init__("".join(c if c.isprintable() else "?" for c in words[:MAX_WORDS]))
        self.code = code

    @property
    def passing(self) -> bool:
        return self.code in PASSING


def refusal_of(error: Exception) -> Refusal:
    """What is no refusal is a fault of ours, or of a library, in what came from outside: it ends the assignment, and not the box."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, BundleError):
        return Refusal("E_HOSTILE", str(error))
    log.error("a fault of this software in an update", exc_info=error)
    return Refusal("E_HOSTILE", f"{type(error).__name__}: {error}; this is a fault of this software: keep the log, and tell who makes it")
