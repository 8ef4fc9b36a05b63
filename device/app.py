"""App: the one place that builds the live appliance out of its parts, starts it, and takes it down in the order of the flow."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack, closing
from importlib.metadata import version

from contracts.event import Event, snapshot_path
from contracts.topics import Topics
from device.adopting import adopt
from device.announcing import Announcing
from device.clock import Clock
from device.config import Loaded
from device.discovering import discover
from device.drifting import gather
from device.export.training import Training
from device.indexing import open_index
from device.inventory import header, model_digest
from device.keeping import keep
from device.neighbours import brokers, meet
from device.outlets import EventOutlet
from device.pipeline.board import Board
from device.pipeline.channel import Channel
from device.pipeline.context import no_snapshot
from device.pipeline.crew import Crew, ZombieThread
from device.pipeline.hub import Hub
from device.pipeline.protocols import Inbox, Source, Tick
from device.pipeline.tally import Tally
from device.publish.commands import Commands, Memory, restarting
from device.publish.eventlog import EventLog
from device.publish.health import HealthReport
from device.publish.journal import Journal
from device.publish.mqtt import Mqtt
from device.publish.notices import Notices
from device.publish.outbox import Outbox
from device.publish.resend import Resend
from device.publish.stamp import Stamp
from device.record.album import Album
from device.record.command import record
from device.record.pictures import Pictures
from device.record.recorder import Recorder
from device.record.recover import recover
from device.record.temps import sweep
from device.securing import page_server
from device.setup.opening import owners_desk, require_way_in
from device.showing import Showing
from device.sight import Sight, build, open_sources
from device.sittings import commands_of, sittings
from device.standing import said, usable
from device.stills import Stills, picture_in
from device.teaching import by_command, exports_of, teach
from device.updating import update
from device.web.desk import Desk
from device.web.server import PageServer
from vision.types import Scene

EVENTS = 256  # messages that may wait for the disk before analysis does
LAST_S = 2.0  # for the others, when one worker hangs
PAGE_SCENES = 4  # scenes that may wait for a slow viewer; each holds a picture


class Appliance:
    """Built, then `start`ed; `stop` returns when everything that was seen is on disk. `restart_wanted` is set by the command,
    `again` by the owner: a new start, wherever this runs."""

    def __init__(self, loaded: Loaded, clock: Clock, sources: Mapping[str, Source] | None = None) -> None:
        settings = loaded.settings
        require_way_in(loaded, sources)
        self._loaded, self._clock = loaded, clock
        self.board, self.tally, self.crew = Board(), Tally(), Crew(clock)
        self.restart_wanted, self.again = threading.Event(), threading.Event()
        self.recorder: Recorder | None = None
        self.training: Training | None = None
        self._topics, self._data = Topics(settings.device_id), settings.data
        self._stamp, self._scenes = Stamp(clock, settings.profile), Hub[Scene](PAGE_SCENES)
        self._journal_inbox: Channel[Scene | Event] = Channel(EVENTS, "block")
        self._outlets: list[Inbox[Scene]] = [EventOutlet(self._journal_inbox), self._scenes]
        with ExitStack() as self._undo:
            usable(self._data)
            self.sight = self._see(sources or open_sources(loaded, clock))
            self.model = self._stamp.model = model_digest(self.sight.stages)
            self.index = self._undo.enter_context(closing(open_index(settings, self.crew, clock=clock, board=self.board)))
            mounted, self.sittings = not self.index.disk.unmounted(), None
            if mounted:
                self.sittings = sittings(
                    loaded, self.sight, self.crew, self._outlets, clock=clock, tally=self.tally, board=self.board,
                    require=self.index.disk.require,
                )  # fmt: skip
            self._publish()
            if mounted:
                self._record()
            exports = exports_of(self.training, self._data, clock)
            self.janitor = keep(settings, self.crew, clock=clock, board=self.board, tally=self.tally, clips=self.index, exports=exports)
            self.page = self._open_page()
            adopt(loaded, self.crew, self.again.set, clock=clock, board=self.board)
            self.nearby = meet(loaded, self.page, self.crew, clock=clock, board=self.board, tally=self.tally)
            self.crew.on_stop(self._give_up_after_crash)
            self._undo.pop_all()

    def _see(self, sources: Mapping[str, Source]) -> Sight:
        snapshot = snapshot_path if self._loaded.settings.pictures else no_snapshot
        sight = build(self._loaded, sources, self._outlets, clock=self._clock, board=self.board, tally=self.tally, snapshot=snapshot)
        self._undo.callback(sight.close)
        sight.man(self.crew, stay=True)
        return sight

    def _publish(self) -> None:
        """Journal, outbox, log, broker and health."""
        settings, board, tally = self._loaded.settings, self.board, self.tally
        delivers = settings.mqtt is not None
        self.outbox = Outbox(self._data / "outbox.sqlite", self._stamp, board, tally, options=settings.outbox, delivers=delivers)
        self._undo.callback(self.outbox.close)
        first = header(self._loaded, self.sight.stages, self._clock, ", ".join(self.sight.sources))
        log = EventLog(self._data / "log" / "events.jsonl", first, self._clock, board=board, tally=tally, options=settings.event_log)
        self._undo.callback(log.finish)
        journal = Journal(self._journal_inbox, [self.outbox, log], self._clock, tally)
        notices = Notices(tally)
        announcing = Announcing(self._loaded, self.sight.stages, self._stamp, notices, log)
        self.updating = update(self._loaded, self.crew, announcing, self.sight.detect(), board=board, tally=tally, restart=self.again.set)
        self.drift = gather(self._loaded, self.crew, self._outlets, self._stamp, notices, tally)
        discover(self._loaded, self._data, notices, updates=self.updating is not None)
        mqtt = self._broker(notices, announcing)

        def write_down(tick: Tick) -> None:
            try:
                journal.run(tick)
            finally:
                if mqtt:
                    mqtt.close()

        self.crew.add("journal", write_down, deadline_s=60)
        self.sight.on_end.append(self._journal_inbox.close)
        self.health = HealthReport(
            settings.health, self._topics, self._stamp, board=board, tally=tally, late=self.crew.late, outbox=self.outbox,
            notices=notices, data=self._data, storage=lambda: self.janitor.health(),  # noqa: PLW0108 - built later
        )  # fmt: skip
        self.crew.add("health", self.health.run, deadline_s=30)
        self.crew.on_stop(self.health.close)

    def _broker(self, notices: Notices, announcing: Announcing) -> Mqtt | None:
        settings = self._loaded.settings
        if settings.mqtt is None:
            return None  # the page says so where a broker's state would stand
        commands = Commands(
            self._topics,
            {
                "snapshot": Stills(self.sight.rings, self._data, self.tally).snapshot, "restart": lambda _: restarting(self.restart_wanted),
                "resend": Resend(self.outbox, notices, self._topics, settings.mqtt.event_expiry_s),
                "record": lambda args: record(self.recorder, args), "export": lambda args: by_command(self.training, args),
                **commands_of(self.sittings),
            },
            Memory(self._data / "commands.json"),
            notices=notices, stamp=self._stamp, board=self.board, tally=self.tally, per_minute=settings.mqtt.commands_per_minute,
        )  # fmt: skip
        mqtt = Mqtt(
            settings.mqtt, settings.device_id, self.outbox, notices, self._stamp, board=self.board, tally=self.tally, commands=commands,
            software=version("vedette"), updates=self.updating, nearby=lambda: brokers(self.nearby),
        )  # fmt: skip
        announcing.say(self.updating.key if self.updating else None)
        self.crew.add("commands", commands.run, deadline_s=120)
        self.crew.add("mqtt", mqtt.run, deadline_s=60)
        self.crew.on_stop(commands.close)
        return mqtt

    def _record(self) -> None:
        """Clips and pictures of events, training data."""
        settings = self._loaded.settings
        sweep(self._data)
        if settings.record:
            found = recover(self._data, settings.record.reserve_mb * 1_000_000)
            if words := said(found):
                self.board.part("record", "degraded", words, self._clock.wall_ns())
            self.recorder = Recorder(
                self.sight.rings, self._data, settings.record, clock=self._clock, tally=self.tally, board=self.board,
                device=settings.device_id, software=version("vedette"), lossless=not self.sight.live, finished=self.index.add,
                require=self.index.disk.require, refused=lambda error: self.janitor.short_of_room(error),  # noqa: PLW0108 - built later
            )  # fmt: skip
            self._add_outlet(self.recorder, "record")
        if settings.pictures:
            pictures = Pictures(
                self._data, settings.pictures, clock=self._clock, tally=self.tally, board=self.board, lossless=not self.sight.live,
                require=self.index.disk.require,
            )  # fmt: skip
            self._add_outlet(pictures, "pictures")
        self.training = teach(
            settings, self.sight, self._outlets, self.crew, self._data, clock=self._clock, tally=self.tally, board=self.board,
            require=self.index.disk.require,
        )  # fmt: skip
        if self.training and self.updating:
            self.updating.marking.go_before(self.training, self._outlets)

    def _add_outlet(self, outlet: Recorder | Pictures, name: str) -> None:
        self._outlets.append(outlet)
        self.crew.add(name, outlet.run, deadline_s=60)
        self.sight.on_end.append(outlet.close)

    def _open_page(self) -> PageServer | None:
        settings = self._loaded.settings
        if settings.page is None:
            return None
        desk = Desk(
            device_id=settings.device_id, profile=settings.profile, version=version("vedette"), clock=self._clock, board=self.board,
            tally=self.tally, rings=self.sight.rings, scenes=self._scenes, messages=self.outbox, history=self.outbox, clips=self.index,
            data=self._data, health=lambda: self.health.last or self.health.step(), storage=self.janitor.report, still=picture_in,
            update=self.updating.report if self.updating else lambda: None, called=self.updating.called if self.updating else lambda _: "",
            serving=lambda: self._stamp.model, drift=self.drift.now if self.drift else lambda: None,
            zones={name: {zone: z.points for zone, z in camera.zones.items()} for name, camera in settings.cameras.items()},
            exports={"dataset": settings.export.dir or self._data / "dataset"}, exporting=settings.export.enabled,
            recordings=Showing(self.index, self._data), owner=owners_desk(self._loaded, self._clock, self.board, self.again.set),
            sessions=Album(self._data / settings.recording.output_dir, self._clock) if settings.recording else None,
        )  # fmt: skip
        page = page_server(desk, self._loaded, self._clock)
        page.start()
        self.crew.add("page", page.work, deadline_s=60)
        self.crew.on_stop(page.close)
        self.sight.on_end.append(self._scenes.close)
        return page

    def start(self) -> None:
        self.crew.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Sources first, then everything behind them runs dry. A crash is raised again after the rest was closed.
        A worker that hangs is left behind after `timeout_s`: what does not wait for it is closed all the same, then ZombieThread.
        """
        try:
            self.crew.stop(timeout_s)
        except ZombieThread:
            self._give_up()
            self.crew.stop(LAST_S)  # raises by the names of those alone that hang
            raise
        finally:
            self.outbox.close()
            self.index.close()
            if self.training:
                self.training.shut()
        if self.crew.crash:
            raise self.crew.crash[1]

    def _give_up_after_crash(self) -> None:
        if self.crew.crash:
            self._give_up()

    def _give_up(self) -> None:
        """Nothing flows any more, so nothing may wait for it."""
        self.sight.inbox.close()
        for call in self.sight.on_end:
            call()
