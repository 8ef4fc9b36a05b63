"""Keeping: builds the janitor with every shelf that there is, and gives it a place in the crew."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from contracts.errors import StorageError
from device.clock import Clock
from device.config import Settings
from device.keep.clips import ClipIndex
from device.keep.exports import Exports
from device.keep.janitor import Janitor
from device.keep.shelves import shelves
from device.keep.troubles import Troubles
from device.pipeline.board import Board
from device.pipeline.crew import Crew
from device.pipeline.tally import Tally
from device.record.session_options import SessionOptions

DEADLINE_S = 120.0  # a disk may take its time; one that does not answer at all is for the watchdog


def keep(
    settings: Settings,
    crew: Crew,
    *,
    clock: Clock,
    board: Board,
    tally: Tally,
    clips: ClipIndex | None = None,
    exports: Exports | None = None,
) -> Janitor:
    troubles = Troubles(clock)
    foreign = partial(_foreign, clips)
    janitor = Janitor(
        settings.data,
        shelves(settings.data, clock, troubles.met, clips=clips, exports=exports, recordings=_recordings(settings), foreign=foreign),
        settings.storage,
        clock=clock,
        board=board,
        tally=tally,
        troubles=troubles,
        reserve_bytes=settings.record.reserve_mb * 1_000_000 if settings.record else 0,
        foreign=foreign,
    )
    crew.add("janitor", janitor.run, deadline_s=DEADLINE_S)
    crew.on_stop(janitor.close)
    return janitor


def _recordings(settings: Settings) -> str:
    """The folder of the sessions below the data; empty: it is outside. Sessions of a box that records none any more are kept as well."""
    place = settings.data / (settings.recording or SessionOptions()).output_dir
    inner = place.relative_to(settings.data) if place.is_relative_to(settings.data) else Path()
    return inner.as_posix() if inner.parts and ".." not in inner.parts else ""


def _foreign(clips: ClipIndex | None) -> str:
    """Why the data folder is not sure to be this box's disk."""
    try:
        return clips.disk.fault() if clips else ""
    except StorageError as error:
        return str(error)
