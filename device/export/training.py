"""Training: the box's sink of training data: scenes in, records of a data set out, in a thread of its own that gives way to all others."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from contracts.errors import ConfigError, HardwareError, StorageError
from contracts.event import Event
from contracts.files import file_name
from contracts.wire import utc_from_ns, utc_text
from dataset.about import Added
from dataset.exporter import MOST_WAITING, Exporter
from dataset.filters import Filters
from device.clock import Clock
from device.export.budget import Budget
from device.export.choice import UNIFORM, Choice, Pick
from device.export.export_options import ExportOptions
from device.export.masks import masked
from device.export.nominating import Nominating
from device.export.said import about_of, marks_of
from device.pipeline.board import Board
from device.pipeline.channel import SLICE_S, Channel, Closed, nothing
from device.pipeline.protocols import Tick
from device.pipeline.tally import Tally
from vision.types import Scene

log = logging.getLogger(__name__)
PART = "export"  # our name on the board
SCENES = 8  # each holds a decoded picture
RETRY_S = 15  # after the disk refused
UNBOUNDED = {"manual", UNIFORM}  # kept whatever the budget says: asked for, or so few that what is left out would make estimates wrong
NICE = 10  # our thread, beside those that see


class Training:
    """Inbox[Scene] for the analysis thread, `run` for its own, `export` for the command.

    Full channel: the oldest scene is given up and counted, the ends of its events are not (`lossless`: analysis waits).
    """

    def __init__(
        self,
        data: Path,
        options: ExportOptions,
        *,
        clock: Clock,
        tally: Tally,
        board: Board,
        identities: Mapping[str, Callable[[], str]],
        recorded_bytes: Callable[[], int] | None = None,
        lossless: bool = False,
        require: Callable[[], None] = nothing,
    ) -> None:
        self._require = require  # StorageError when the disk is not there any more
        self.root = options.dir or data / "dataset"
        self._options, self._clock, self._tally, self._board = options, clock, tally, board
        self._identities, self._lossless = identities, lossless
        self._scenes: Channel[Scene] = Channel(SCENES, "block" if lossless else "drop_oldest", self._lost)
        self._lost_events: deque[Event] = deque(maxlen=1024)
        self._choice, self._budget = Choice(options), Budget(options, recorded_bytes)
        per_day = options.review.per_day if options.mode != "manual" else 0
        self._nominating = Nominating(data / "queue", per_day, tally, require) if per_day else None
        self._latest: dict[str, Scene] = {}
        self._turn = threading.RLock()  # the command comes from another thread
        self._exporter: Exporter | None = None
        self._committed_ns, self._retry_ns = clock.mono_ns(), 0

    def put(self, item: Scene, wait: bool = False) -> bool:
        return self._scenes.put(item, wait)

    def _lost(self, scene: Scene) -> None:
        self._tally.count(scene.frame.camera, "not_kept", "export_late")
        for event in scene.events:
            if event.life == "end":
                if len(self._lost_events) == self._lost_events.maxlen:  # its event is finished when a later one needs the room
                    self._tally.count(event.camera, "not_kept", "export_end")
                self._lost_events.append(event)

    def close(self) -> None:
        """No more scenes; `run` ends when what waits is durable."""
        self._scenes.close()

    def run(self, tick: Tick) -> None:
        with suppress(OSError):  # where it is not allowed it is as important as the others
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        try:
            while True:
                tick()
                with suppress(TimeoutError):
                    self.look(self._scenes.get(SLICE_S))
                self._commit_in_time()
                if not self._lossless:
                    self._settle_day(self._clock.wall_ns())
        except Closed:
            for pick in self._choice.rest() if self._options.mode != "manual" else ():
                self._keep(pick)
            if self._lossless:  # a film's day ends with it; a box's goes on after a restart
                self._settle_day(None)
        finally:
            self.shut()

    def look(self, scene: Scene) -> None:
        """One scene: what of it, and of the events that end with it, is kept."""
        if scene.frame.planes.width > 0:
            self._latest[scene.frame.camera] = scene
        if self._options.mode == "manual":
            return
        self._settle_day(scene.frame.wall_ns)
        if self._lost_events:
            scene = _with(scene, [self._lost_events.popleft() for _ in range(len(self._lost_events))])
        before = self._choice.open
        for pick in self._choice.picks(scene, self._session(scene.frame.camera)):
            self._keep(pick)
        if self._options.mode == "on_completion" and self._choice.open < before:
            self._commit()

    def export(self, args: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        """The command: the newest picture that was looked at of one camera or of all, and whatever waits, durable when it answers."""
        asked = args.get("camera")
        cameras = [str(asked)] if asked is not None else sorted(self._latest)
        if not cameras or any(camera not in self._latest for camera in cameras):
            raise HardwareError(f"camera {asked or 'any'}: nothing of it was looked at yet; try again when something moved")
        with self._turn:
            kept = [self._add(Pick(self._latest[camera], "manual", 1.0)) for camera in cameras]
            self._opened().commit()
        times = [utc_text(utc_from_ns(self._latest[camera].frame.wall_ns)) for camera in cameras]
        rows = zip(cameras, times, kept, strict=True)
        return {"dir": str(self.root), "pictures": [{"camera": c, "t": t, "image": a.image_id, "refused": a.refused} for c, t, a in rows]}

    def _keep(self, pick: Pick) -> None:
        """Whatever is wrong with the disk is counted and said; detection goes on."""
        camera = pick.scene.frame.camera
        before = self._clock.mono_ns()
        if before < self._retry_ns:
            self._tally.count(camera, "not_kept", "export_failed")
            return
        with self._turn:
            accepted = self._accepted()
            try:
                if pick.weight and self._nominating:
                    self._nominating.offer(pick, self._session(camera), self._options.masks.get(camera, ()))
                else:
                    self._count(self._add(pick), camera, pick.reason)
            except (StorageError, ConfigError) as error:
                self._failed(camera, error, 1 + accepted - self._accepted())
                return
        self._tally.took(camera, "export", self._clock.mono_ns() - before)

    def _count(self, added: Added, camera: str, reason: str) -> None:
        self._tally.count(camera, "not_exported" if added.refused else "exported", added.refused or reason)

    def _settle_day(self, wall_ns: int | None) -> None:
        """What waited for the end of its day is kept, when that is over by this time; None: it is."""
        if self._nominating is None or self._clock.mono_ns() < self._retry_ns:
            return
        with self._turn:
            accepted = self._accepted()
            try:
                if self._nominating.is_due(wall_ns):
                    self._nominating.settle(self._opened(), self._count)
                    self._board.part(PART, "ok", wall_ns=self._clock.wall_ns())
            except (StorageError, ConfigError) as error:
                self._failed("", error, max(0, accepted - self._accepted()))

    def _accepted(self) -> int:
        """Records that are durable or wait for it; less of them after a failure are lost."""
        return self._exporter.committed + self._exporter.waiting if self._exporter else 0

    def _failed(self, camera: str, error: Exception, lost: int) -> None:
        """`lost`: records, those that waited with it too."""
        self._retry_ns = self._clock.mono_ns() + RETRY_S * 1_000_000_000
        self._tally.count(camera, "not_kept", "export_failed", lost)
        self._board.part(PART, "degraded", str(error), self._clock.wall_ns())
        log.error("training data is not kept", extra={"reason": str(error)})

    def _add(self, pick: Pick) -> Added:
        frame, exporter = pick.scene.frame, self._opened()
        refused = self._budget.refuses(frame.wall_ns) if pick.reason not in UNBOUNDED else ""
        if refused:
            exporter.skip(refused)
            return Added(None, "", refused=refused)
        image, ignore = masked(frame.planes.bgr(), self._options.masks.get(frame.camera, ()))
        added = exporter.add(image, marks_of(pick.scene), about_of(pick, self._session(frame.camera), ignore))
        self._budget.spend(added.bytes)
        self._board.part(PART, "ok", wall_ns=self._clock.wall_ns())
        return added

    def _session(self, camera: str) -> str:
        identity = self._identities.get(camera)
        return file_name(identity()) if identity else ""

    def _opened(self) -> Exporter:
        """With the first record: a box that never keeps one makes no folder."""
        if self._exporter is None:
            self._require()
            o = self._options
            self._exporter = Exporter(
                self.root,
                batch_size=MOST_WAITING if o.mode == "on_completion" else o.batch_size,
                filters=Filters(o.successful_only, o.with_detections_only, o.min_confidence, frozenset(o.active_states)),
                near_duplicate_bits=o.near_duplicate_bits,
                near_duplicates=o.near_duplicates,
                png_level=o.png_level,
            )
        return self._exporter

    def opened(self) -> Exporter:
        """For the janitor and for whoever ships: the one writer that there can be."""
        with self._turn:
            return self._opened()

    def _commit_in_time(self) -> None:
        """Live: nothing waits longer than was asked for. A file's records are durable when it ends."""
        if not self._lossless and self._clock.mono_ns() - self._committed_ns >= self._options.commit_s * 1e9:
            self._commit()

    def _commit(self) -> None:
        self._committed_ns = self._clock.mono_ns()
        with self._turn:
            before = self._accepted()
            try:
                if self._exporter:
                    self._exporter.commit()
            except StorageError as error:
                self._failed("", error, before - self._accepted())

    def shut(self) -> None:
        """What waits is durable and the data set free; whoever stops the box calls it again behind the janitor, who may have opened it."""
        with self._turn:
            before = self._accepted()
            try:
                if self._exporter:
                    self._exporter.close()
            except StorageError as error:
                self._failed("", error, before - self._accepted())
            self._exporter = None


def _with(scene: Scene, ends: Sequence[Event]) -> Scene:
    """The ends of events whose scenes were given up, told with this one."""
    return replace(scene, events=(*ends, *scene.events))
