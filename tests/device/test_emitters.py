"""What every emitter has to do, for all of them: MQTT's outbox, the event stream over a real WebSocket, JSON lines, the document."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.batchlog import read_document
from contracts.envelope import read_envelope
from contracts.eventlog import LogHeader
from contracts.wire import utc_from_ns
from device.clock import SystemClock
from device.pipeline.board import Board
from device.pipeline.channel import Channel, nothing
from device.pipeline.tally import Tally
from device.publish.document import Document
from device.publish.eventlog import EventLog
from device.publish.journal import Emitter, Journal
from device.publish.log_lines import read_log
from device.publish.outbox import Outbox
from device.publish.stamp import Stamp
from tests.clocks import T0_NS
from tests.contracts.test_batchlog import metadata
from tests.device.publish.fakes import event
from tests.device.web.conftest import WAIT_S, Running, words
from tests.device.web.demo import Demo

Seen = list[tuple[int, str]]  # frame and life, in the order in which they are told


class OutboxRig:
    """What waits for the broker."""

    survives = True
    delivers = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> Emitter:
        stamp = Stamp(SystemClock(), "street", boot="b")
        self.outbox = Outbox(self.folder / "outbox.sqlite", stamp, Board(), Tally(), delivers=self.delivers)
        return self.outbox

    def die(self) -> None:
        assert self.outbox._store
        self.outbox._store.close()

    def read(self) -> Seen:
        rows = self.outbox.pending(0, 1 << 62, 999)
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        told = [read_envelope(row.payload(replay=False)).data for row in rows]
        self.outbox.close()
        return [(int(str(data["frame_number"])), str(data["life"])) for data in told]


class StreamRig(OutboxRig):
    """What a reader of the event stream hears."""

    delivers = False

    def read(self) -> Seen:
        demo = Demo(self.folder / "page")
        demo.desk = replace(demo.desk, messages=self.outbox)
        page, seen = Running(demo), list[tuple[int, str]]()
        try:
            with page.listen("/api/v1/events/stream?after=0&status=0") as socket:
                words(socket, "hello")
                while (said := json.loads(socket.recv(timeout=WAIT_S)))["type"] == "event":
                    assert said["seq"] == len(seen) + 1
                    seen.append((said["event"]["frame_number"], said["event"]["life"]))
        finally:
            page.close()
            self.outbox.close()
        return seen


class LinesRig:
    survives = True

    def __init__(self, folder: Path) -> None:
        self.path = folder / "events.jsonl"

    def open(self) -> Emitter:
        header = LogHeader(device="edge01", profile="street", processed_at=utc_from_ns(T0_NS))
        self.log = EventLog(self.path, header, SystemClock(), board=Board(), tally=Tally())
        return self.log

    def die(self) -> None:
        os.close(self.log._file)

    def read(self) -> Seen:
        return [(e.frame_number, e.life) for e in read_log(self.path)[1]]


class DocumentRig:
    """One entry an event; nothing before the end."""

    survives = False

    def __init__(self, folder: Path) -> None:
        self.path = folder / "a.json"

    def open(self) -> Emitter:
        return Document(self.path, metadata)

    def die(self) -> None:
        assert not self.path.exists()

    def read(self) -> Seen:
        return [(e.frame_number, "new" if e.end_offset_seconds is None else "end") for e in read_document(self.path).events]


RIGS: list[Callable[[Path], Any]] = [OutboxRig, StreamRig, LinesRig, DocumentRig]
FIRST = [event(1), event(1, "update"), event(2), event(1, "end")]
SECOND = [event(2, "end"), event(3), event(3, "end")]
WHOLE = [(e.frame_number, e.life) for e in (*FIRST, *SECOND)]
ENTRIES = [(1, "end"), (2, "end"), (3, "end")]


@pytest.fixture(params=RIGS, ids=lambda rig: rig.__name__)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return request.param(tmp_path)


def test_everything_is_told_in_order_through_the_journal(rig: Any) -> None:
    inbox: Channel[Any] = Channel(16, "block")
    for each in (*FIRST, *SECOND):
        inbox.put(each)
    inbox.close()
    Journal(inbox, [rig.open()], SystemClock(), Tally()).run(nothing)
    assert rig.read() == (WHOLE if rig.survives else ENTRIES)


def test_it_says_when_it_wants_to_be_committed_and_then_no_more(rig: Any) -> None:
    emitter: Emitter = rig.open()
    assert emitter.due_in_s() > 0
    emitter.add(FIRST[0], 0)
    emitter.commit()
    assert emitter.due_in_s() > 0
    emitter.finish()
    assert rig.read() == [(1, "new")]


def test_what_was_committed_is_there_after_a_kill_where_that_is_promised(rig: Any) -> None:
    """A document promises nothing: it is made again, and is whole then."""
    emitter: Emitter = rig.open()
    for each in FIRST[:3]:
        emitter.add(each, 0)
    emitter.commit()
    rig.die()
    emitter = rig.open()
    for each in (FIRST if not rig.survives else FIRST[3:]) + SECOND:
        emitter.add(each, 0)
    emitter.finish()
    told = rig.read()
    if not rig.survives:
        assert told == ENTRIES
        return
    interrupted = [(n, "end") for n in (1, 2)] if isinstance(rig, OutboxRig) else []  # the outbox ends what a kill left open
    assert told == [*WHOLE[:3], *interrupted, *WHOLE[3:]]
