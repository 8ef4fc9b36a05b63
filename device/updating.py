"""Updating: pushed models where they are configured; a box without them loads nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from contracts.dsse import PublicKey
from contracts.update import UpdateReport
from device.announcing import Announcing
from device.clock import Clock
from device.config import Loaded
from device.findings import Finding
from device.pipeline.board import Board
from device.pipeline.channel import nothing
from device.pipeline.crew import Crew
from device.pipeline.protocols import WideStage
from device.pipeline.tally import Tally
from device.update.marking import Marking


class Updating(NamedTuple):
    """What the broker's thread hands messages to, and the key that up/info shows."""

    desired: Callable[[bytes], None]
    chunk: Callable[[str, bytes], None]
    key: PublicKey
    over_mqtt: bool
    marking: Marking  # goes before the training data
    report: Callable[[], UpdateReport | None]  # what was said last under up/update
    called: Callable[[str], str]  # name and version of a model that is here, by its digest; nothing: it is not known


def update(
    loaded: Loaded, crew: Crew, announcing: Announcing, stage: WideStage | None, *, board: Board, tally: Tally,
    restart: Callable[[], None] = nothing,
) -> Updating | None:  # fmt: skip
    """None where it is not configured, or cannot be. `restart` ends this process, so that the next has another configuration."""
    options = loaded.settings.update
    if options is None:
        return None
    from device.following import Around, follow  # The Update Framework and its cryptography: time at the start, and memory
    from device.proving import Seeing

    seeing = Seeing(stage, announcing.serves, lambda: crew.crash is not None)
    stamp, notices = announcing.stamp, announcing.notices
    return follow(loaded, options, Around(crew, stamp.clock, board, tally, notices, stamp, seeing, restart))


def checked(loaded: Loaded, clock: Clock) -> list[Finding]:
    """For `vedette check`; nothing where there is nothing."""
    options = loaded.settings.update
    if options is None:
        return []
    from device import following

    return following.checked(loaded, options, clock)
