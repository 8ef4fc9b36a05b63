"""Refusals: why an update is not taken, by a code; the old model serves on."""

from __future__ import annotations

from contracts.errors import BundleError
from contracts.update import UpdateCode

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
