"""Ear: what analysis and commands say to the recorder, and how far each camera has been analysed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from uuid import UUID

from device.clock import Clock
from device.pipeline.channel import Channel
from device.pipeline.ring import PacketRing
from device.pipeline.tally import Tally
from device.record.ask import Ask
from device.record.options import RecordOptions
from device.record.triggers import Trigger, trigger, wanted
from vision.types import Scene

EVENTS = 256  # messages that may wait


class Ear:
    """Full: of a live camera the oldest message is given up and counted (a lost `new` is a clip less; a lost `end` is remembered, so
    that no clip runs for ever; a lost command is answered so); where nothing may be lost (`lossless`, a file) analysis waits."""

    def __init__(self, rings: Mapping[str, PacketRing], options: RecordOptions, clock: Clock, tally: Tally, lossless: bool) -> None:
        self._rings, self._options, self._clock, self._tally, self._lossless = rings, options, clock, tally, lossless
        self._messages: Channel[Trigger | Ask] = Channel(EVENTS, "block" if lossless else "drop_oldest", self._lost)
        self._lost_ends: list[Trigger] = []
        self._marks: dict[str, tuple[int, int]] = {}
        self._begun: set[UUID] = set()  # events that began a recording: no later message of theirs begins another

    def put(self, item: Scene, wait: bool) -> bool:
        """Takes what begins and what ends; the mark moves only behind the scene's own events."""
        for event in item.events:
            if event.life != "update" or (event.id not in self._begun and wanted(event, self._options)):
                self._messages.put(self._told(trigger(event, item.frame, self._rings, self._options, self._lossless)), wait)
        self._marks[item.frame.camera] = (item.frame.pts_ns, self._clock.mono_ns())
        return True

    def _told(self, message: Trigger) -> Trigger:
        if message.event.life == "end":
            self._begun.discard(message.event.id)
        elif message.cursors:
            self._begun.add(message.event.id)
        return message

    def ask(self, do: Callable[[], list[UUID]]) -> list[UUID]:
        """Done on the recorder's thread; waits for the answer."""
        return Ask(do).of(self._messages)

    def _lost(self, message: Trigger | Ask) -> None:
        if isinstance(message, Ask):
            message.refuse("the recorder has too much to do; try again")
            return
        event = message.event
        self._tally.count(event.camera, "not_kept", f"recorder_{event.life}")
        message.close()
        if event.life == "end":
            self._lost_ends.append(message)

    def marks(self) -> dict[str, tuple[int, int]]:
        """Camera -> media time analysed, and when (mono). Asked before the messages: nothing older can still be waiting among them."""
        return dict(self._marks)

    def waiting(self) -> Iterator[Trigger | Ask]:
        while len(self._messages):
            yield self._messages.get(0)
        while self._lost_ends:
            yield self._lost_ends.pop(0)

    def wait(self, timeout_s: float) -> Iterator[Trigger | Ask]:
        """The next message, or none in time; Closed at the end."""
        try:
            yield self._messages.get(timeout_s)
        except TimeoutError:
            return

    def close(self) -> None:
        self._messages.close()
