"""Opening: the owner's desk of a box that starts, and what the box says of itself until it has an owner and a camera."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from contracts.errors import ConfigError
from device.clock import Clock
from device.config import Loaded
from device.pipeline.board import Board
from device.pipeline.protocols import Source
from device.setup.code import SetupCode
from device.setup.nearby import nearby
from device.setup.owner import OwnersDesk
from device.setup.standing import NO_CAMERA, NOT_YET, unclaimed

log = logging.getLogger(__name__)


def require_way_in(loaded: Loaded, sources: Mapping[str, Source] | None) -> None:
    """A box without a camera waits for its owner, on its page; without a page nobody could give it one."""
    if not loaded.sources and not sources and loaded.settings.page is None:
        raise ConfigError("cameras: none is configured, and no page to add one on; run `vedette init`, or add cameras to device.yaml")


def owners_desk(loaded: Loaded, clock: Clock, board: Board, again: Callable[[], None]) -> OwnersDesk:
    """`again` asks for a new start."""
    code = SetupCode(loaded.settings.data)
    if unclaimed(loaded):
        log.warning("this box has no owner yet: open /setup on its page and type its code", extra={"code": code.made()})
        board.part("setup", "degraded", NOT_YET, clock.wall_ns())
    else:
        code.void()  # a kill may have come between the password and this
        if not loaded.sources:
            board.part("setup", "degraded", NO_CAMERA, clock.wall_ns())
    return OwnersDesk(loaded, clock, board, again, nearby)
