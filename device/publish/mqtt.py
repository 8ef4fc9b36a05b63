"""Mqtt: the worker that brings the outbox, states and replies to a broker; alive or dead, the broker stops nobody else."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from pydantic import Field

from broker.address import tls_context
from broker.letters import Incoming, Letter
from broker.link import Link
from broker.staying import Staying
from contracts.errors import ProtocolError
from contracts.status import Status
from contracts.topics import Topics, fleet, read_topic
from device.pipeline.board import Board, PartWord
from device.pipeline.protocols import Tick
from device.pipeline.tally import Tally
from device.publish.broker import BrokerOptions
from device.publish.commands import Commands
from device.publish.delivery import Delivery
from device.publish.discovery import Options as HomeAssistant
from device.publish.notices import Notices
from device.publish.outbox import Outbox
from device.publish.pace import Pace
from device.publish.stamp import Stamp
from device.publish.whereabouts import Whereabouts

log = logging.getLogger(__name__)
PART = "mqtt"
FAREWELL_S = 2.0


class Options(BrokerOptions):
    reconnect_min_s: float = Field(default=1, gt=0, le=600, description="first pause between attempts, seconds; jittered, doubled")
    reconnect_max_s: float = Field(default=60, gt=0, le=3600, description="longest pause, seconds")
    ack_timeout_s: float = Field(default=20, gt=0, le=600, description="a broker that does not acknowledge for so long is taken for dead")
    refused_pause_s: float = Field(default=30, gt=0, le=3600, description="pause after the broker refused an event, seconds")
    late_s: float = Field(default=5, gt=0, description="an event sent later than so many seconds after it happened is marked as replay")
    replay_per_s: float = Field(default=50, gt=0, le=10_000, description="late events sent a second; fresh ones go beside them at once")
    event_expiry_s: int = Field(default=604_800, ge=1, description="how long the broker keeps an event for a subscriber that is away")
    commands_per_minute: float = Field(default=60, gt=0, le=6000, description="more than so many are refused; thirty may come at once")
    drain_s: float = Field(default=3, ge=0, le=60, description="seconds given to what still waits when the box stops")
    home_assistant: HomeAssistant | None = Field(default=None, description="it is told of this box; null: it is not, nor any more")


class Updates(Protocol):
    """Who hears what is assigned, and the pieces that were asked for."""

    @property
    def over_mqtt(self) -> bool: ...
    @property
    def desired(self) -> Callable[[bytes], None]: ...
    @property
    def chunk(self) -> Callable[[str, bytes], None]: ...


class Mqtt:
    """One thread. Rows leave the outbox when the broker acknowledged them: a message may come twice, never not at all."""

    def __init__(
        self,
        options: Options,
        device: str,
        outbox: Outbox,
        notices: Notices,
        stamp: Stamp,
        *,
        board: Board,
        tally: Tally,
        commands: Commands | None = None,
        updates: Updates | None = None,
        software: str = "",
        nearby: Callable[[], Sequence[tuple[str, int]]] = tuple,
        rng: random.Random | None = None,
    ) -> None:
        if options.tls == "on":
            tls_context(options.address(""))  # a wrong file is the owner's to mend: say so now, not at every attempt
        self._options, self._device, self._topics = options, device, Topics(device)
        self._outbox, self._notices, self._stamp, self._clock = outbox, notices, stamp, stamp.clock
        self._board, self._tally, self._commands, self._software = board, tally, commands, software
        self._updates = updates
        self._whereabouts = Whereabouts(options, nearby)
        self._stopping = threading.Event()
        self._session = ""  # of the connection of the moment
        pause_s = options.reconnect_min_s, options.reconnect_max_s
        self._staying = Staying(self._link, pause_s, self._clock.mono_ns, patience_s=FAREWELL_S, rng=rng)
        self._pace = Pace(options.replay_per_s)
        self._outbox.listen(self.wake)
        self._notices.listen(self.wake)
        self._say("degraded", f"not connected to {options.where()} yet")

    def wake(self) -> None:
        """There is something to send; from any thread."""
        self._staying.wake()

    def close(self) -> None:
        """What waits is given `drain_s`, then a farewell is left and `run` returns."""
        self._stopping.set()
        self.wake()

    # ---- the worker

    def run(self, tick: Tick) -> None:
        self._staying.run(self._stopping, lambda link: self._serve(link, tick), self._lost, tick)

    def _link(self) -> Link:
        self._session = self._stamp.ulid()
        client_id = self._options.client_id or f"vedette-{self._device}"
        return Link(self._whereabouts.next(client_id), self._clock.mono_ns, self._status("lost"))

    def _lost(self, reason: str) -> None:
        self._tally.count("", "mqtt", "reconnect")
        self._say("degraded", f"{reason}; events are kept on the box")

    def _serve(self, link: Link, tick: Tick) -> None:
        """Birth, subscriptions, then everything that waits; at the end a farewell."""
        self._whereabouts.good()
        link.subscribe(self._subscriptions())
        delivery = self._delivery(link)
        delivery.send(self._status("online"))
        log.info("connected to the broker", extra={"broker": self._whereabouts.now, "session": self._session})
        while link.lost is None and not self._stopping.is_set():
            tick()
            self._round(link, delivery)
            link.spin(delivery.spare_s())
        if link.lost is None:
            self._farewell(link, delivery, tick)

    def _subscriptions(self) -> list[str]:
        wished = [self._topics.dn("desired"), fleet("desired")] if self._updates else []
        chunks = [f"{self._topics.dn('chunk')}/#"] if self._updates and self._updates.over_mqtt else []
        return [*([self._topics.dn("cmd"), fleet("cmd")] if self._commands else []), *wished, *chunks]

    def _delivery(self, link: Link) -> Delivery:
        return Delivery(
            link,
            self._outbox,
            self._notices,
            self._stamp,
            topics=self._topics,
            limits=self._options,
            pace=self._pace,
            tally=self._tally,
        )

    def _round(self, link: Link, delivery: Delivery) -> None:
        while link.incoming:
            self._receive(link.incoming.popleft())
        if link.refused:
            log.error("the broker refuses a subscription, commands will not come: %s", link.refused)
            link.refused = ""
        delivery.round()
        self._say("degraded" if delivery.fault else "ok", delivery.fault)

    def _receive(self, message: Incoming) -> None:
        try:
            topic = read_topic(message.topic or "")
        except ProtocolError as error:
            self._tally.count("", "mqtt", "strange")
            log.warning("message ignored: %s", error)
            return
        if topic.name == "cmd" and self._commands:
            self._commands.receive(message)
        elif topic.name == "desired" and self._updates and message.payload:  # empty: what was retained is taken back
            self._updates.desired(message.payload)
        elif topic.name == "chunk" and self._updates:
            self._updates.chunk(topic.rest, message.payload)

    def _status(self, state: str) -> Letter:
        status = Status.model_validate({"state": state, "session": self._session, "software": self._software})
        payload = self._stamp.wrap("status", status).model_dump_json().encode()
        return Letter(self._topics.up("status"), payload, retain=True, delay_s=self._options.will_delay_s if state == "lost" else None)

    def _farewell(self, link: Link, delivery: Delivery, tick: Tick) -> None:
        """What waits is brought away if that is quick, then `offline` is left behind."""
        self._until(self._options.drain_s, link, delivery, tick, lambda: self._outbox.finished and delivery.done())
        if link.lost is None:
            delivery.send(self._status("offline"))
            self._until(FAREWELL_S, link, delivery, tick, lambda: not delivery.flying())
        self._say("degraded", "stopped")

    def _until(self, seconds: float, link: Link, delivery: Delivery, tick: Tick, done: Callable[[], bool]) -> None:
        until_ns = self._clock.mono_ns() + int(seconds * 1e9)
        while link.lost is None and not done() and (left := (until_ns - self._clock.mono_ns()) / 1e9) > 0:
            tick()
            self._round(link, delivery)
            link.spin(min(left, delivery.spare_s(), 0.05))

    def _say(self, state: PartWord, reason: str) -> None:
        self._board.part(PART, state, reason, self._clock.wall_ns())
