"""What publish tests share: a clock to turn by hand, events, and a box that publishes as the appliance does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.event import Event, Life, event_id
from contracts.topics import Topics
from contracts.wire import utc_from_ns
from device.clock import SystemClock
from device.pipeline.board import Board
from device.pipeline.channel import Channel
from device.pipeline.crew import Crew
from device.pipeline.tally import Tally
from device.publish import mqtt, outbox_options
from device.publish.commands import Commands, Handler, Memory
from device.publish.journal import Journal
from device.publish.mqtt import Mqtt
from device.publish.notices import Notices
from device.publish.outbox import Outbox
from device.publish.stamp import Stamp
from tests.clocks import T0_NS
from tests.device.publish.mosquitto import Broker
from vision.types import Scene

DEVICE = "edge01"


def event(number: int, life: Life = "new", **changes: Any) -> Event:
    at_ns = number * 100_000_000
    t = utc_from_ns(T0_NS + at_ns)
    values: dict[str, Any] = {
        "id": event_id("test", "object", number),
        "life": life,
        "kind": "object",
        "camera": "yard",
        "label": "person",
        "confidence": 0.8,
        "start": t,
        "t": t,
        "end": t if life == "end" else None,
        "start_pts_ns": at_ns,
        "pts_ns": at_ns,
        "frame_number": number,
        "track": number,
        "box": (10.5, 20.25, 110.0, 220.0),
        "frame_size": (1920, 1080),
        "zones": ["door"],
    }
    return Event(**{**values, **changes})


QUICK: dict[str, Any] = {
    "reconnect_min_s": 0.05,
    "reconnect_max_s": 0.2,
    "connect_timeout_s": 2,
    "ack_timeout_s": 1,
    "refused_pause_s": 0.3,
    "will_delay_s": 0,
    "drain_s": 2,
    "replay_per_s": 5000,
}


@dataclass
class Box:
    """Journal, outbox and MQTT worker in a crew, as the appliance builds them; `with` starts and stops it."""

    folder: Path
    broker: Broker | None
    options: Mapping[str, Any] = field(default_factory=dict)
    outbox_options: Mapping[str, Any] = field(default_factory=dict)
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    stamp: Stamp | None = None
    nearby: Callable[[], Sequence[tuple[str, int]]] = tuple

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.board, self.tally = Board(), Tally()
        stamp = self.stamp = self.stamp or Stamp(self.clock, "street", boot="boot-1")
        kept = outbox_options.Options(**{"group_ms": 20, **self.outbox_options})
        self.outbox = Outbox(self.folder / "outbox.db", stamp, self.board, self.tally, options=kept)
        self.notices = Notices(self.tally)
        memory = Memory(self.folder / "commands.json")
        topics = Topics(DEVICE)
        self.commands = Commands(
            topics, self.handlers, memory, notices=self.notices, stamp=stamp, board=self.board, tally=self.tally
        )
        self.inbox: Channel[Scene | Event] = Channel(64, "block")
        self.crew = Crew(self.clock)
        self.crew.add("journal", Journal(self.inbox, [self.outbox], self.clock, self.tally).run)
        self.crew.add("commands", self.commands.run)
        self.crew.on_stop(self.inbox.close)
        self.crew.on_stop(self.commands.close)
        if self.broker:
            where = {"host": self.broker.host, "port": self.broker.port, "transport": "unix" if self.broker.unix_path else "tcp"}
            self.mqtt = Mqtt(
                mqtt.Options(**{**QUICK, **where, **self.options}),
                DEVICE,
                self.outbox,
                self.notices,
                stamp,
                board=self.board,
                tally=self.tally,
                commands=self.commands,
                software="0.1.0",
                nearby=self.nearby,
            )
            self.crew.add("mqtt", self.mqtt.run)
            self.crew.on_stop(self.mqtt.close)

    def __enter__(self) -> Box:
        self.crew.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.crew.stop()
        self.outbox.close()
        assert self.crew.crash is None, self.crew.crash

    def put(self, *events: Event) -> None:
        for item in events:
            self.inbox.put(item)

    def await_part(self, name: str, state: str, timeout_s: float = 20) -> str:
        """Until a part is in a state; the reason it gives."""
        return eventually(lambda: (p := self.board.parts().get(name)) and p.state == state and (p.reason or "-"), timeout_s)


def eventually(ask: Any, timeout_s: float = 20) -> Any:
    """Ask until the answer is yes; for what can only be looked at from outside."""
    clock, pause = SystemClock(), threading.Event()
    until = clock.mono_ns() + int(timeout_s * 1e9)
    while not (answer := ask()):
        assert clock.mono_ns() < until, f"still {answer!r} after {timeout_s} s"
        pause.wait(0.01)
    return answer
