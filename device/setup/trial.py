"""Trial: the pipeline of a configuration is built before the box begins anew with it: what cannot be built would not come up."""

from __future__ import annotations

from device.clock import Clock
from device.config import Loaded
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.sight import build, open_sources


def trial(loaded: Loaded, clock: Clock) -> None:
    """A VedetteError says why it cannot be."""
    sources = open_sources(loaded, clock)
    if sources:
        build(loaded, sources, [], clock=clock, board=Board(), tally=Tally(), keeps=False).close()
