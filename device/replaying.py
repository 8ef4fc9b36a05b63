"""Replaying: a recorded file through the same pipeline, every frame waited for, so the same file gives the same log."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from contracts.errors import ConfigError, StorageError
from contracts.event import Event, snapshot_path
from contracts.files import make_folders, rename_durably, storage
from device.capture.file import FileSource
from device.clock import Clock
from device.config import Loaded
from device.inventory import header
from device.pipeline.board import Board
from device.pipeline.channel import Channel
from device.pipeline.context import no_snapshot
from device.pipeline.crew import Crew
from device.pipeline.protocols import Inbox
from device.pipeline.ring import PacketRing
from device.pipeline.tally import Percentiles, Tally
from device.publish.eventlog import PART as LOG
from device.publish.eventlog import EventLog
from device.publish.eventlog import Options as LogOptions
from device.publish.journal import Journal
from device.record.pictures import Pictures
from device.record.recorder import Recorder
from device.sight import build
from device.sittings import sittings
from device.teaching import teach
from vision.types import Scene

EVENTS = 256
POLL_S = 0.2
WHOLE, PLAYING = "events.jsonl", "events.part.jsonl"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did: counts by name, percentiles by stage, where the log is."""

    log: Path
    offered: int
    analysed: int
    gated: int
    dropped: int
    events: int
    seconds: float
    media_s: float
    stages: Mapping[str, Percentiles]
    holes: tuple[str, ...]


class Progress:
    """Inbox[Scene]: how far the file has been analysed."""

    def __init__(self) -> None:
        self.pts_ns = 0

    def put(self, item: Scene, wait: bool = False) -> bool:
        self.pts_ns = max(self.pts_ns, item.frame.pts_ns)
        return True


class Events:
    """Inbox[Scene]: the events alone into the journal's channel, and to whoever wants to see them."""

    def __init__(self, journal: Channel[Scene | Event], show: Callable[[Event], None]) -> None:
        self._journal, self._show = journal, show

    def put(self, item: Scene, wait: bool = False) -> bool:
        for event in item.events:
            self._journal.put(event, wait)
            self._show(event)
        return True


def replay(
    loaded: Loaded,
    source: FileSource,
    out: Path,
    clock: Clock,
    *,
    keep: bool = False,
    on_progress: Callable[[float], None] = lambda _s: None,
    on_event: Callable[[Event], None] = lambda _e: None,
) -> Replayed:
    """One file to `out/events.jsonl`, which is there only when the whole file was played; with `keep` clips and pictures too.

    HardwareError or ConfigError when it cannot be read.
    """
    with alone_in(out):
        return _replay(loaded, source, out, clock, keep, on_progress, on_event)


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """The folder is there and no other replay writes to it."""
    with storage(out):
        make_folders(out)
        lock = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"{out}: another replay is writing there; wait for it, or choose another --output") from None
        yield
    finally:
        os.close(lock)


def _replay(
    loaded: Loaded,
    source: FileSource,
    out: Path,
    clock: Clock,
    keep: bool,
    on_progress: Callable[[float], None],
    on_event: Callable[[Event], None],
) -> Replayed:
    board, tally, crew = Board(), Tally(), Crew(clock)
    inbox: Channel[Scene | Event] = Channel(EVENTS, "block")
    progress = Progress()
    outlets: list[Inbox[Scene]] = [Events(inbox, on_event), progress]
    snapshot = snapshot_path if keep and loaded.settings.pictures else no_snapshot
    sight = build(loaded, {source.camera: source}, outlets, clock=clock, board=board, tally=tally, snapshot=snapshot, keeps=keep)
    began_ns = clock.mono_ns()
    first = header(loaded, sight.stages, clock, source.path.name, source_digest=f"sha256:{source.identity}", start_source=source.facts()[1])
    log = EventLog(_begun(out), first, clock, board=board, tally=tally, options=LogOptions(fsync="end"))
    sight.man(crew)
    crew.add("journal", Journal(inbox, [log], clock, tally).run, deadline_s=60)
    sight.on_end.append(inbox.close)
    if keep:
        sittings(loaded, sight, crew, outlets, clock=clock, tally=tally, board=board, data=out)
        for outlet in _keepers(loaded, sight.rings, out, clock, board, tally):
            outlets.append(outlet)
            crew.add(type(outlet).__name__.lower(), outlet.run, deadline_s=60)
            sight.on_end.append(outlet.close)
        teach(loaded.settings, sight, outlets, crew, out, clock=clock, tally=tally, board=board)
    crew.start()
    try:
        while not crew.wait(POLL_S):
            on_progress(progress.pts_ns / 1e9)
    finally:
        _end(crew, sight.inbox.close, sight.on_end)
    on_progress(progress.pts_ns / 1e9)
    for capture in sight.captures:
        if capture.failure:
            raise capture.failure
    if (state := board.parts()[LOG]).state != "ok":
        raise StorageError(state.reason)
    rename_durably(out / PLAYING, out / WHOLE)
    return _summary(out / WHOLE, tally, source, (clock.mono_ns() - began_ns) / 1e9, progress.pts_ns / 1e9)


def _begun(out: Path) -> Path:
    """Where the log grows; that of an earlier, finished replay stays until this one is finished."""
    path = out / PLAYING
    with storage(path):
        path.unlink(missing_ok=True)
    return path


def _end(crew: Crew, close_inbox: Callable[[], None], on_end: list[Callable[[], None]]) -> None:
    if crew.crash:
        close_inbox()
        for call in on_end:
            call()
    crew.stop()
    if crew.crash:
        raise crew.crash[1]


def _keepers(
    loaded: Loaded, rings: Mapping[str, PacketRing], out: Path, clock: Clock, board: Board, tally: Tally
) -> list[Recorder | Pictures]:
    settings = loaded.settings
    kept: list[Recorder | Pictures] = []
    if settings.record:
        kept.append(
            Recorder(
                rings,
                out,
                settings.record,
                clock=clock,
                tally=tally,
                board=board,
                device=settings.device_id,
                software=version("vedette"),
                lossless=True,
            )
        )
    if settings.pictures:
        kept.append(Pictures(out, settings.pictures, clock=clock, tally=tally, board=board, lossless=True))
    return kept


def _summary(path: Path, tally: Tally, source: FileSource, seconds: float, media_s: float) -> Replayed:
    camera = source.camera
    return Replayed(
        log=path,
        offered=tally.get(camera, "offered"),
        analysed=tally.get(camera, "analysed"),
        gated=tally.get(camera, "gated"),
        dropped=tally.get(camera, "dropped"),
        events=tally.get(camera, "events", "new"),
        seconds=seconds,
        media_s=media_s,
        # a file has no capture to be late for
        stages={stage: p for (who, stage), p in tally.percentiles().items() if who == camera and stage != "capture_to_result"},
        holes=tuple(f"{hole.from_pts_ns / 1e9:.3f} s to {hole.until_pts_ns / 1e9:.3f} s: {hole.reason}" for hole in source.holes.found),
    )
