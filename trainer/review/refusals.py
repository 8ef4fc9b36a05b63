"""Refusals: why something that a labeller sent is not taken; whoever serves the page makes an answer of each."""

from __future__ import annotations

from contracts.errors import ProtocolError
from trainer.review.labels import Standing


class Unknown(ProtocolError):
    """There is no such item, or no such picture."""


class Stale(ProtocolError):
    """Somebody else was faster; `now` is what they left."""

    def __init__(self, item: str, now: Standing) -> None:
        super().__init__(f"item {item}: {now.by or 'somebody'} changed it meanwhile; it is at version {now.version}: look at it again")
        self.now = now


class Closed(ProtocolError):
    """What was asked for does not fit the item's state."""


class Misused(ProtocolError):
    """An idempotency key came with something else than the first time."""
