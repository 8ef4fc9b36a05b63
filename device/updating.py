"""Updating: pushed models where they are configured; a box without them loads nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from contracts.dsse import PublicKey
from device.clock import Clock
from device.config import Loaded
from device.findings import Finding
from device.pipeline.board import Board
from device.pipeline.crew import Crew
from device.pipeline.tally import Tally
from device.publish.notices import Notices
from device.publish.stamp import Stamp


class Updating(NamedTuple):
    """What the broker's thread hands messages to, and the key that up/info shows."""

    desired: Callable[[bytes], None]
    chunk: Callable[[str, bytes], None]
    key: PublicKey
    over_mqtt: bool


def update(loaded: Loaded, crew: Crew, *, clock: Clock, board: Board, tally: Tally, notices: Notices, stamp: Stamp) -> Updating | None:
    """None where it is not configured, or cannot be."""
    options = loaded.settings.update
    if options is None:
        return None
    from device.following import follow  # The Update Framework and its cryptography: time at the start, and memory

    return follow(loaded, options, crew, clock=clock, board=board, tally=tally, notices=notices, stamp=stamp)


def checked(loaded: Loaded, clock: Clock) -> list[Finding]:
    """For `vedette check`; nothing where there is nothing."""
    options = loaded.settings.update
    if options is None:
        return []
    from device import following

    return following.checked(loaded, options, clock)
