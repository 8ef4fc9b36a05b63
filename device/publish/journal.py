"""Journal: the worker that takes events from the pipeline and has them written down before anything else happens to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from contracts.event import Event
from device.clock import Clock
from device.pipeline.channel import SLICE_S, Channel, Closed
from device.pipeline.protocols import Tick
from device.pipeline.tally import Tally
from vision.types import Scene


class Emitter(Protocol):
    """Where events go: Outbox (MQTT, the event stream and the page read it), EventLog (JSON lines), Document (a JSON file). One thread."""

    def add(self, event: Event, mono_ns: int) -> None:
        """Take a message; in the order of the calls. It is on disk after the next `commit`, where the emitter promises that."""
        ...

    def due_in_s(self) -> float:
        """Seconds until `commit` should be called; infinity when nothing waits."""
        ...

    def commit(self) -> None: ...

    def finish(self) -> None:
        """No event will come any more: put what waits on disk."""
        ...


class Journal:
    """Its inbox blocks when it is full: analysis waits for the disk, events are not lost."""

    def __init__(self, inbox: Channel[Scene | Event], emitters: Sequence[Emitter], clock: Clock, tally: Tally) -> None:
        self._inbox, self._emitters, self._clock, self._tally = inbox, emitters, clock, tally

    def run(self, tick: Tick) -> None:
        """Worker: until the inbox is closed and empty; then what was taken is on disk."""
        try:
            while True:
                tick()
                self._commit_due()
                wait_s = min([SLICE_S, *(emitter.due_in_s() for emitter in self._emitters)])
                try:
                    self._take(self._inbox.get(wait_s))
                except TimeoutError:
                    continue
        except Closed:
            pass
        finally:
            for emitter in self._emitters:
                emitter.finish()

    def _take(self, item: Scene | Event) -> None:
        events = item.events if isinstance(item, Scene) else (item,)
        mono_ns = item.frame.mono_ns if isinstance(item, Scene) else self._clock.mono_ns()
        for event in events:
            for emitter in self._emitters:
                emitter.add(event, mono_ns)
            self._tally.count("", "journal", event.life)

    def _commit_due(self) -> None:
        for emitter in self._emitters:
            if emitter.due_in_s() <= 0:
                emitter.commit()
