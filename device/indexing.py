"""Indexing: builds the index of clips for the disk that the data folder is on, and gives it a worker in the crew."""

from __future__ import annotations

from importlib.metadata import version

from device.clock import Clock
from device.config import Settings
from device.pipeline.board import Board
from device.pipeline.crew import Crew
from device.record.disk import DataDisk
from device.record.index import Index
from device.record.index_worker import IndexWorker

DEADLINE_S = 120.0  # a folder of some ten thousand clips takes its time on a slow disk


def open_index(settings: Settings, crew: Crew, *, clock: Clock, board: Board) -> Index:
    """Its first look at the disk is the worker's: nothing waits for it."""
    disk = DataDisk(settings.data, clock, device=settings.device_id, software=version("vedette"), mount=settings.storage.mount)
    disk.begin()
    if reason := disk.unmounted():  # the system's disk is not to be filled in its place
        for part in ("record", "pictures", *(["takes"] if settings.recording else ())):
            board.part(part, "failed", f"{reason}, then start Vedette again", clock.wall_ns())
    index = Index(settings.data, disk, clock)
    worker = IndexWorker(index, clock, board)
    crew.add("index", worker.run, deadline_s=DEADLINE_S)
    crew.on_stop(worker.close)
    return index
