"""Delivery: what goes out over one connection: window, two lanes of events, states and replies, acknowledgements."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from broker.letters import Letter
from broker.link import Link
from contracts.topics import Topics
from device.pipeline.channel import SLICE_S
from device.pipeline.tally import Tally
from device.publish.notices import Notices
from device.publish.outbox import Outbox
from device.publish.pace import Pace
from device.publish.stamp import Stamp
from device.publish.waiting import Waiting

log = logging.getLogger(__name__)
MAX_UNSAVED_SENT = 20_000
ENVELOPE_BYTES = 1024  # topic and properties around a payload, generously


class Limits(Protocol):
    """The options that matter here."""

    @property
    def ack_timeout_s(self) -> float: ...
    @property
    def refused_pause_s(self) -> float: ...
    @property
    def late_s(self) -> float: ...
    @property
    def event_expiry_s(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Sent:
    """A message on its way; `seq` is an event's number in the journal."""

    sent_ns: int
    seq: int | None
    topic: str


class Delivery:
    """Begins anew with each connection: what was on its way is sent again, which is why it may come twice.

    Two lanes, each in order of `seq`: what waited is caught up at the pace given, what happens now goes beside it at once.
    """

    def __init__(
        self, link: Link, outbox: Outbox, notices: Notices, stamp: Stamp, *, topics: Topics, limits: Limits, pace: Pace, tally: Tally
    ) -> None:
        self._link, self._outbox, self._notices, self._stamp, self._clock = link, outbox, notices, stamp, stamp.clock
        self._event_topic, self._limits, self._pace, self._tally = topics.up("event"), limits, pace, tally
        self._flying: dict[int, Sent] = {}
        self._unsaved_sent: set[str] = set()
        self._hold_until_ns = -(1 << 62)
        self.fault = ""  # why the broker does not take what is sent
        self._rewind()
        notices.all_again()

    def _rewind(self) -> None:
        self._mark = self._fresh_after = self._outbox.last_seq
        self._late_after = 0

    def round(self) -> None:
        """Take acknowledgements, send what there is room for, notice a broker that acknowledges nothing."""
        while self._link.acks:
            self._settle()
        while self._room() > 0 and (letter := self._notices.take()) is not None:
            if self._fits(letter.topic, len(letter.payload) + len(letter.correlation or b"")):
                self.send(letter)
        if self._clock.mono_ns() >= self._hold_until_ns:
            self._send_unsaved()
            self._send_fresh()
            self._catch_up()
        oldest = next(iter(self._flying.values()), None)
        if oldest and self._clock.mono_ns() - oldest.sent_ns > self._limits.ack_timeout_s * 1e9:
            self._link.lose(f"the broker has acknowledged nothing for {self._limits.ack_timeout_s:g} s")

    def spare_s(self) -> float:
        """How long nothing needs doing, unless an acknowledgement or a `wake` comes."""
        now = self._clock.mono_ns()
        if now < self._hold_until_ns:
            return min(SLICE_S, (self._hold_until_ns - now) / 1e9)
        if self._late_after < self._mark and self._room() > 0:
            return min(SLICE_S, self._pace.wait_ns(now) / 1e9)
        return SLICE_S

    def done(self) -> bool:
        """Nothing waits and nothing is on its way."""
        sent_all = self._late_after >= self._mark and self._fresh_after >= self._outbox.last_seq
        return sent_all and self._notices.empty() and not self._flying

    def flying(self) -> int:
        return len(self._flying)

    def send(self, letter: Letter, seq: int | None = None) -> None:
        self._flying[self._link.send(letter)] = Sent(self._clock.mono_ns(), seq, letter.topic)

    def _room(self) -> int:
        return self._link.window - len(self._flying) if self._link.lost is None else 0

    def _send_fresh(self) -> None:
        newest = self._outbox.last_seq
        if self._room() <= 0 or newest <= self._fresh_after:
            return
        rows = self._outbox.pending(self._fresh_after, newest, self._room())
        for row in rows:
            self._fresh_after = row.seq
            self._send_row(row)
        if not rows:
            self._fresh_after = newest

    def _catch_up(self) -> None:
        if self._room() <= 0 or self._late_after >= self._mark:
            return
        rows = self._outbox.pending(self._late_after, self._mark, self._room())
        for row in rows:
            if self._late(row):
                if self._pace.wait_ns(self._clock.mono_ns()) > 0:
                    return
                self._pace.spend(self._clock.mono_ns())
            self._late_after = row.seq
            if all(sent.seq != row.seq for sent in self._flying.values()):
                self._send_row(row)
        if not rows:
            self._late_after = self._mark

    def _late(self, row: Waiting) -> bool:
        return row.boot != self._stamp.boot or self._clock.mono_ns() - row.mono_ns > self._limits.late_s * 1e9

    def _send_row(self, row: Waiting) -> None:
        payload = row.payload(self._late(row))
        if not self._fits(f"event {row.seq}", len(payload)):
            self._outbox.acknowledge(row.seq)
            return
        self.send(Letter(self._event_topic, payload, expiry_s=self._limits.event_expiry_s), row.seq)

    def _fits(self, what: str, size: int) -> bool:
        """What the broker does not take would end every connection, and nothing would pass any more."""
        if size + ENVELOPE_BYTES <= self._link.max_packet:
            return True
        log.error("%s has %d bytes, the broker takes %d: given up", what, size, self._link.max_packet)
        self._tally.count("", "mqtt", "too_large")
        return False

    def _send_unsaved(self) -> None:
        """The disk takes nothing: what memory holds goes out without a number, and again with one when there is room."""
        for message in self._outbox.unsaved():
            if self._room() <= 0:
                return
            if message.id not in self._unsaved_sent and len(self._unsaved_sent) < MAX_UNSAVED_SENT:
                self._unsaved_sent.add(message.id)
                self.send(Letter(self._event_topic, message.payload(), expiry_s=self._limits.event_expiry_s))

    def _settle(self) -> None:
        ack = self._link.acks.popleft()
        sent = self._flying.pop(ack.mid, None)
        if sent is None:
            return
        self._tally.took("", "mqtt.ack", self._clock.mono_ns() - sent.sent_ns)
        if ack.refused:
            self._refused(ack.refused, sent)
        elif sent.seq is not None:
            self._outbox.acknowledge(sent.seq)
            self._tally.count("", "mqtt", "delivered")
            self.fault = ""

    def _refused(self, reason: str, sent: Sent) -> None:
        """Acknowledged, but not taken: an event stays in the journal and is tried again later; a state comes again anyway."""
        self._tally.count("", "mqtt", "refused")
        own = self._event_topic.removesuffix("event")
        needed = f"{own}#" if sent.topic.startswith(own) else sent.topic
        self.fault = f"the broker refuses messages of this box: {reason}; let it write {needed}"
        if sent.seq is not None:
            self._hold_until_ns = self._clock.mono_ns() + int(self._limits.refused_pause_s * 1e9)
            self._rewind()
