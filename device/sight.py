"""Sight: from cameras to scenes; the same for the appliance, for replay and for benches but for where frames wait."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from contracts.errors import ConfigError
from device.bundles import Told, classifier_opener, opener, reader_opener, workers
from device.capture.camera import Capture
from device.capture.local import local_cameras
from device.capture.look import Look
from device.capture.masking import Masking
from device.capture.plugging import Pluggable, Plugging, Waiting
from device.capture.uevents import Uevents
from device.clock import Clock
from device.config import Loaded
from device.hiding import finish, hiding
from device.masks import masks_of
from device.pipeline.board import Board
from device.pipeline.channel import SLICE_S, Channel, LatestFrames
from device.pipeline.context import CameraContext, Context, no_snapshot
from device.pipeline.crew import Crew
from device.pipeline.protocols import EndOfStream, Gate, Hearing, Identified, Inbox, Source, Stage, Tick, WideStage
from device.pipeline.ring import PacketRing
from device.pipeline.run import Analysis
from device.pipeline.tally import Tally
from vision.types import Frame, Scene

log = logging.getLogger(__name__)
WAITING = 4  # frames of a file that may be decoded ahead of analysis
SEEING_S = 20.0  # nothing on the way from packet to event takes that long: within the watchdog's time
MARGIN_S = 12.0  # a ring holds the pre-roll and so much more: confirming and waiting for the recorder take time


@dataclass
class Sight:
    """Everything between the cameras and the outlets; `man` gives its workers to a crew."""

    sources: Mapping[str, Source]
    rings: dict[str, PacketRing]  # what clips, the page and commands read: without what the owner hides, or marked with it
    stages: Mapping[str, Stage | WideStage]
    captures: list[Capture]
    looks: list[Look]
    inbox: LatestFrames | Channel[Frame | EndOfStream]
    analysis: Analysis
    maskings: Mapping[str, Masking] = field(default_factory=dict)
    on_end: list[Callable[[], None]] = field(default_factory=list)  # called when the last scene was handed over
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def live(self) -> bool:
        return isinstance(self.inbox, LatestFrames)

    def man(self, crew: Crew, stay: bool = False) -> None:
        """`stay`: when all cameras have ended by themselves, what is behind them is not closed before `stop`."""
        left = len(self.looks)
        lock = threading.Lock()

        def look(each: Look, tick: Tick) -> None:
            nonlocal left
            try:
                each.run(tick)
            finally:
                with lock:
                    left -= 1
                    if left == 0:
                        self.inbox.close()

        def follow(tick: Tick) -> None:
            try:
                self.analysis.follow(tick)
                while stay and not self.stopping.wait(SLICE_S):
                    tick()
            finally:
                self._close_stages()
                finish(self.maskings, tick)
                for call in self.on_end:
                    call()

        for name, masking in self.maskings.items():
            crew.add(f"mask {name}", masking.run, deadline_s=SEEING_S)
        for name, capture in zip(self.sources, self.captures, strict=True):
            crew.add(f"capture {name}", capture.run, deadline_s=60)
        self._watch_plugs(crew)
        for name, each in zip(self.sources, self.looks, strict=True):
            crew.add(f"look {name}", partial(look, each), deadline_s=SEEING_S)
        crew.add("feed", self.analysis.feed, deadline_s=SEEING_S)
        crew.add("follow", follow, deadline_s=SEEING_S)
        crew.on_stop(self.stop)

    def _watch_plugs(self, crew: Crew) -> None:
        """A driver that hangs while it is asked is no reason to begin anew: the deadline is long."""
        pairs = zip(self.sources.items(), self.captures, strict=True)
        waiting = {name: Waiting(source, capture.wake) for (name, source), capture in pairs if isinstance(source, Pluggable)}
        if waiting:
            plugging = Plugging(local_cameras, Uevents, waiting)
            crew.add("plugging", plugging.run, deadline_s=600)
            crew.on_stop(plugging.close)

    def stop(self) -> None:
        """The sources end; what they gave flows on to the outlets."""
        self.stopping.set()
        for capture in self.captures:
            capture.stop()
        for masking in self.maskings.values():
            masking.stop()
        if not self.looks:
            self.inbox.close()  # which the last camera's look would do

    def detect(self) -> WideStage | None:
        return next((stage for stage in self.stages.values() if isinstance(stage, WideStage)), None)

    def close(self) -> None:
        """For a sight that was built and never manned."""
        self.stop()
        self._close_stages()

    def _close_stages(self) -> None:
        for stage in self.stages.values():
            if isinstance(stage, WideStage):
                stage.close()


def build(
    loaded: Loaded,
    sources: Mapping[str, Source],
    outlets: Sequence[Inbox[Scene]],
    *,
    clock: Clock,
    board: Board,
    tally: Tally,
    snapshot: Callable[[UUID, datetime], str | None] = no_snapshot,
    keeps: bool = True,
) -> Sight:
    """`sources` are all live or all files; a live one meets the newest frame, a file a channel that blocks. `keeps`: whether anybody
    makes clips."""
    if len({source.live for source in sources.values()}) > 1:
        raise ConfigError("cameras: files that are read freely cannot run beside live cameras; give them pace: realtime")
    live = all(source.live for source in sources.values())
    told = partial(_meanwhile, board, clock) if live else None  # a recording is looked at as was asked, or not at all
    stages, gate = open_stages(loaded, sources, clock, tally, snapshot, told) if sources else ({}, None)  # no camera: nothing to look at
    inbox: LatestFrames | Channel[Frame | EndOfStream]
    most = {name: 1 + int(loaded.settings.patience_ms * _fps(loaded, name) / 1000) for name in sources}
    inbox = LatestFrames(lambda lost: tally.count(lost.camera, "dropped", "overwritten"), most) if live else Channel(WAITING, "block")
    record = loaded.settings.record
    takes = loaded.settings.recording
    seconds = max(record.pre_roll_ms if record else 0, takes.pre_roll_ms if takes else 0) / 1000 + MARGIN_S
    masks = {name: masks_of(loaded.settings, name) for name in sources}
    came = {name: PacketRing(seconds) for name in sources}
    rings, maskings = hiding(loaded.settings, came, masks, seconds, live=live, keeps=keeps, board=board, tally=tally, clock=clock)
    captures = [
        Capture(source, came[name], board=board, tally=tally, clock=clock, hides=masks[name]) for name, source in sources.items()
    ]
    looks = [
        Look(
            name,
            Look.Options(detection_fps=_fps(loaded, name)),
            came[name],
            inbox,
            live=live,
            gate=gate,
            board=board,
            tally=tally,
            clock=clock,
            stopping=capture.stopping,
        )
        for name, capture in zip(sources, captures, strict=True)
    ]
    analysis = Analysis(inbox, stages, outlets, clock, tally)
    return Sight(sources, rings, stages, captures, looks, inbox, analysis, maskings)


def _meanwhile(board: Board, clock: Clock, why: str) -> None:
    log.error("another engine serves", extra={"reason": why})
    board.part("engine", "degraded", why, clock.wall_ns())


def open_sources(loaded: Loaded, clock: Clock) -> dict[str, Source]:
    """One a configured camera; its sound is read where it is kept."""
    sources: dict[str, Source] = {name: cls(name, options, clock) for name, (cls, options) in loaded.sources.items()}
    for name, source in sources.items():
        if isinstance(source, Hearing) and loaded.settings.record and loaded.settings.record.audio_of(name):
            source.hear()
    return sources


def _fps(loaded: Loaded, name: str) -> float:
    camera = loaded.settings.cameras.get(name)
    return (camera.detection_fps if camera else None) or loaded.settings.detection_fps


def open_stages(
    loaded: Loaded,
    sources: Mapping[str, Identified],
    clock: Clock,
    tally: Tally,
    snapshot: Callable[[UUID, datetime], str | None] = no_snapshot,
    told: Told | None = None,
) -> tuple[dict[str, Stage | WideStage], Gate | None]:
    """The profile's stages in its order; a gate sits before the decoder and is handed back apart."""
    settings = loaded.settings
    cameras = {
        name: CameraContext(
            identity=partial(getattr, source, "identity"),
            zones=settings.cameras[name].zones if name in settings.cameras else {},
            detection_fps=_fps(loaded, name),
            lines=settings.cameras[name].lines if name in settings.cameras else {},
        )
        for name, source in sources.items()
    }
    taking = settings.recording.rules() if settings.recording else None
    folders = tuple(dict.fromkeys(path.parent for path in loaded.files))
    context = Context(
        clock, tally, settings.device_id, cameras, opener(settings, told), workers(settings), snapshot, taking, folders,
        reader_opener(settings), classifier_opener(settings, told),
    )  # fmt: skip
    stages: dict[str, Stage | WideStage] = {}
    gate: Gate | None = None
    alone: dict[str, str] = {}  # the kinds of which there is one, and which it is
    with ExitStack() as undo:
        for name, (cls, options) in loaded.stages.items():
            stage = cls(options, context)
            if isinstance(stage, WideStage):
                undo.callback(stage.close)  # should one behind it not be buildable
            kind = _kind(stage)
            if kind in alone:
                raise ConfigError(f"pipeline.{name}: {alone[kind]} {kind} already; leave out one of the two")
            if kind:
                alone[kind] = name
            if hasattr(stage, "moved"):
                gate = stage
            else:
                stages[name] = stage
        undo.pop_all()
    return stages, gate


def _kind(stage: Gate | Stage | WideStage) -> str:
    """What a stage does of which there can be one; empty for most."""
    if hasattr(stage, "moved"):
        return "closes the gate"
    return "keeps several frames in flight" if isinstance(stage, WideStage) else ""
