"""The stream of events over real WebSockets and a real journal: in order, without holes or doubles, over restarts and slow readers."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from contracts.event import Event
from device.publish import store
from device.publish.outbox import Outbox
from device.publish.outbox_options import Options as OutboxOptions
from device.publish.stamp import Stamp
from tests.device.publish.fakes import event
from tests.device.web.conftest import PASSWORD, TOKEN, WAIT_S, Run, Running, words
from tests.device.web.demo import Demo
from tests.memory import at_most_mib

ROOT = Path(__file__).parents[3]
STREAM = "/api/v1/events/stream"


class Box:
    """A page in front of a real outbox; opened again at will."""

    def __init__(self, folder: Path, delivers: bool = False, page: dict[str, Any] | None = None, **options: Any) -> None:
        self.demo = Demo(folder)
        self._delivers, self._options, self._page = delivers, OutboxOptions(**options), page or {}
        self.open()

    def open(self) -> None:
        desk, path = self.demo.desk, self.demo.desk.data / "outbox.sqlite"
        stamp = Stamp(desk.clock, "street", boot="b")
        self.outbox = Outbox(path, stamp, desk.board, desk.tally, options=self._options, delivers=self._delivers)
        self.demo.desk = replace(desk, messages=self.outbox, history=self.outbox)
        self.running = Running(self.demo, **self._page)

    def close(self) -> None:
        self.running.close()
        self.outbox.close()
        assert self.running.error is None

    def tell(self, *events: Event) -> None:
        for each in events:
            self.outbox.add(each, 0)
        self.outbox.commit()

    def listen(self, query: str = "", **headers: str) -> ClientConnection:
        return self.running.listen(STREAM + query, **headers)


@contextmanager
def box(folder: Path, **options: Any) -> Iterator[Box]:
    made = Box(folder, **options)
    try:
        yield made
    finally:
        made.close()


def heard(listening: ClientConnection, upto: int) -> list[tuple[int, int]]:
    """Number and frame of the messages up to that number."""
    found: list[tuple[int, int]] = []
    while not found or found[-1][0] < upto:
        said = words(listening, "event")
        found.append((said["seq"], said["event"]["frame_number"]))
    return found


def told(count: int, first: int = 1) -> list[Event]:
    return [event(n, "end") for n in range(first, first + count)]


def pairs(first: int, last: int) -> list[tuple[int, int]]:
    return [(n, n) for n in range(first, last + 1)]


def test_what_is_kept_comes_first_and_what_happens_then_follows(tmp_path: Path) -> None:
    with box(tmp_path) as it:
        it.tell(*told(250))
        with it.listen("?after=0") as listening:
            hello = words(listening, "hello")
            assert (hello["seq"], hello["first"], hello["last"], hello["resumed"]) == (0, 1, 250, True)
            assert heard(listening, 250) == pairs(1, 250)
            it.tell(*told(3, first=251))
            assert heard(listening, 253) == pairs(251, 253)


def test_without_a_number_only_what_happens_from_now_on_comes(tmp_path: Path) -> None:
    with box(tmp_path) as it:
        it.tell(*told(5))
        with it.listen() as listening:
            assert words(listening, "hello")["seq"] == 5
            it.tell(*told(1, first=6))
            assert heard(listening, 6) == pairs(6, 6)


def test_the_numbers_are_those_of_the_broker(tmp_path: Path) -> None:
    with box(tmp_path, delivers=True) as it:
        it.tell(*told(3))
        waiting = [(row.seq, json.loads(row.body)["data"]["frame_number"]) for row in it.outbox.pending(0, 99, 99)]
        with it.listen("?after=0") as listening:
            assert heard(listening, 3) == waiting


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drops=st.lists(st.integers(0, 40), min_size=1, max_size=6), batches=st.lists(st.integers(1, 30), min_size=6, max_size=6))
def test_whoever_goes_and_comes_back_at_any_point_has_everything_once(
    tmp_path_factory: pytest.TempPathFactory, drops: list[int], batches: list[int]
) -> None:
    """A reader takes so many messages, goes, more happens, it comes back with the last number it had."""
    with box(tmp_path_factory.mktemp("box")) as it:
        count, seen = 0, list[int]()
        for take, more in zip([*drops, 10**6], [*batches[: len(drops)], 1], strict=True):
            it.tell(*told(more, first=count + 1))
            count += more
            with it.listen(f"?after={seen[-1] if seen else 0}") as listening:
                while len(seen) < count and take > 0:
                    seen.append(words(listening, "event")["seq"])
                    take -= 1
        assert seen == list(range(1, count + 1))


def test_a_restart_of_the_box_goes_on_with_the_numbers(tmp_path: Path) -> None:
    with box(tmp_path) as it:
        it.tell(*told(4))
        with it.listen("?after=0") as listening:
            heard(listening, 3)
        it.close()
        it.open()
        it.tell(*told(2, first=5))
        with it.listen("?after=3") as listening:
            assert words(listening, "hello")["resumed"]
            assert heard(listening, 6) == pairs(4, 6)


def test_what_is_no_longer_kept_is_said_with_its_numbers(tmp_path: Path) -> None:
    with box(tmp_path, messages=20) as it:
        for n in range(1, 101, 10):
            it.tell(*told(10, first=n))
        with it.listen("?after=7") as listening:
            assert not words(listening, "hello")["resumed"]
            missed = words(listening, "missed")
            assert (missed["from"], missed["to"], missed["count"], missed["reason"]) == (8, 80, 73, "no longer kept")
            assert heard(listening, 100) == pairs(81, 100)


def test_a_journal_that_was_lost_says_which_numbers_are_missing(tmp_path: Path) -> None:
    with box(tmp_path) as it:
        it.tell(*told(5))
        it.close()
        (tmp_path / "outbox.sqlite").write_bytes(b"no database at all" * 999)
        it.open()
        it.tell(*told(1, first=6))
        with it.listen("?after=5") as listening:
            missed = words(listening, "missed")
            assert missed["from"] == 6
            assert heard(listening, missed["to"] + 1) == [(missed["to"] + 1, 6)]


def test_what_the_disk_does_not_take_is_told_at_once_without_a_number_and_again_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "WAIT_S", 0.05)
    with box(tmp_path) as it, it.listen() as listening, it.listen("?after=0&kind=crossed") as choosy:
        for each in (listening, choosy):
            words(each, "hello")
        it.tell(event(1))
        assert heard(listening, 1) == pairs(1, 1)
        with closing(sqlite3.connect(tmp_path / "outbox.sqlite", isolation_level=None)) as holds:
            holds.execute("BEGIN IMMEDIATE")  # nobody else writes now
            it.tell(event(2))
            assert words(listening, "unsaved")["event"]["frame_number"] == 2
            it.tell(event(3, kind="crossed"))
            assert words(choosy, "unsaved")["event"]["frame_number"] == 3
            with it.listen("?after=1") as late:
                words(late, "hello")
                assert [words(late, "unsaved")["event"]["frame_number"] for _ in range(2)] == [2, 3]
        it.tell()
        assert words(listening, "unsaved")["event"]["frame_number"] == 3
        assert heard(listening, 3) == pairs(2, 3)


def test_a_number_that_was_never_given_means_that_numbers_began_anew(tmp_path: Path) -> None:
    with box(tmp_path) as it:
        it.tell(*told(2))
        with it.listen("?after=5000") as listening:
            assert not words(listening, "hello")["resumed"]
            assert words(listening, "missed")["reason"] == "numbers began anew"
            assert heard(listening, 2) == pairs(1, 2)


FILTERS = [("camera=yard", [1, 4]), ("kind=crossed", [2, 4]), ("label=dog", [3]), ("camera=yard&kind=crossed", [4]), ("camera=nowhere", [])]


@pytest.mark.parametrize(("query", "wanted"), FILTERS)
def test_only_what_was_asked_for_comes_and_the_beat_says_how_far_that_is(tmp_path: Path, query: str, wanted: Sequence[int]) -> None:
    with box(tmp_path) as it:
        it.tell(
            event(1), event(2, kind="crossed", camera="door"), event(3, label="dog", camera="door"), event(4, kind="crossed", label="cat")
        )  # fmt: skip
        with it.listen(f"?after=0&status=false&{query}") as listening:
            words(listening, "hello")
            came = []
            while (said := json.loads(listening.recv(timeout=WAIT_S)))["type"] == "event":
                came.append(said["seq"])
            assert said == {"type": "heartbeat", "seq": 4}
            assert came == wanted


NONSENSE = [
    "after=x", "after=-2", f"after={1 << 63}", "after=1e9", "after=", "after=1;drop%20table%20messages", "kind=" + "x" * 201,
    "status=perhaps", "after=%00", "after=NaN",
]  # fmt: skip


@pytest.mark.parametrize("query", NONSENSE)
def test_nonsense_is_refused_before_a_socket_is_open(tmp_path: Path, query: str) -> None:
    with box(tmp_path) as it:
        it.tell(*told(1))
        with pytest.raises(InvalidStatus, match="403"):
            it.listen(f"?{query}")
        assert it.running.get("/healthz").status_code == 200


@pytest.mark.parametrize("query", ["after=0&kind=%27%20OR%201%3D1%20--", "after=0&label=%25", "after=0&camera=%00%ff"])
def test_words_that_mean_something_elsewhere_are_only_words(tmp_path: Path, query: str) -> None:
    with box(tmp_path) as it:
        it.tell(*told(3))
        with it.listen(f"?status=0&{query}") as listening:
            words(listening, "hello")
            assert json.loads(listening.recv(timeout=WAIT_S)) == {"type": "heartbeat", "seq": 3}


def test_as_many_readers_as_allowed_and_no_more_and_a_place_becomes_free_again(tmp_path: Path) -> None:
    with box(tmp_path, page={"max_listeners": 2}) as it:
        with it.listen() as first, it.listen() as second:
            for listening in (first, second):
                words(listening, "hello")
            with it.listen() as third, pytest.raises(ConnectionClosed, match="max_listeners"):
                third.recv(timeout=WAIT_S)
        assert "hello" in again(it)


def again(it: Box) -> str:
    """The first word of a new reader, as soon as there is a place."""
    while True:
        with it.listen() as listening:
            try:
                return str(listening.recv(timeout=WAIT_S))
            except ConnectionClosed:
                continue


def test_strangers_and_other_sites_hear_nothing(run: Run) -> None:
    page = run(password=PASSWORD, token=TOKEN)
    for headers in ({}, {"Authorization": "Bearer wrong-wrong-wrong-wrong"}):
        with pytest.raises(InvalidStatus, match="403"):
            page.listen(STREAM, **headers)
    with pytest.raises(InvalidStatus, match="403"):
        page.listen(STREAM, Authorization=f"Bearer {TOKEN}", Origin="https://evil.example")
    with page.listen(STREAM, Authorization=f"Bearer {TOKEN}") as listening:
        words(listening, "hello")


@contextmanager
def deaf(it: Box) -> Iterator[socket.socket]:
    """A reader that says hello and then never reads from its small buffer."""
    where = urlsplit(it.running.base)
    with closing(socket.socket()) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect((where.hostname, where.port))
        key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13"
        ask = f"GET {STREAM}?after=0 HTTP/1.1\r\nHost: {where.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\n\r\n"
        plain.sendall(ask.encode())
        plain.settimeout(WAIT_S)
        assert b"101" in plain.recv(64)
        yield plain


def test_a_reader_that_stops_reading_holds_nobody_up_and_costs_no_memory(tmp_path: Path) -> None:
    """Ten deaf readers while 20 MB of messages pass: another hears all, what is kept for the deaf stays small."""
    with box(tmp_path, messages=200) as it, it.listen("?after=0") as quick:
        filler = {"text": "x" * 10_000}
        it.tell(*(event(n, "end", data=filler) for n in range(1, 101)))
        heard(quick, 100)
        holds = [deaf(it) for _ in range(10)]
        sockets = [hold.__enter__() for hold in holds]
        with at_most_mib(60):  # the tail of a thousand messages and ten buffers, not ten times 20 MB
            for first in range(101, 2001, 100):
                it.tell(*(event(n, "end", data=filler) for n in range(first, first + 100)))
                assert heard(quick, first + 99) == pairs(first, first + 99)
        for hold, _ in zip(holds, sockets, strict=True):
            hold.__exit__(None, None, None)


def test_a_reader_that_falls_too_far_behind_is_told_what_it_missed_and_goes_on(tmp_path: Path) -> None:
    with box(tmp_path, messages=50) as it:
        where = urlsplit(it.running.base)
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.connect((where.hostname, where.port))
        with connect(f"ws://{where.netloc}{STREAM}?after=0", sock=narrow, max_queue=1, ping_interval=None, max_size=None) as slow:
            words(slow, "hello")
            count, filler = 2500, {"text": "x" * 10_000}
            for first in range(1, count, 100):
                it.tell(*(event(n, "end", data=filler) for n in range(first, first + 100)))
            numbers, missed = [], 0
            while not numbers or numbers[-1] < count:
                said = json.loads(slow.recv(timeout=WAIT_S))
                if said["type"] == "missed":
                    assert (said["from"], said["count"]) == (numbers[-1] + 1 if numbers else 1, said["to"] - said["from"] + 1)
                    missed += said["count"]
                    numbers.append(said["to"])
                elif said["type"] == "event":
                    assert said["seq"] == (numbers[-1] + 1 if numbers else 1), "no hole that is not said"
                    numbers.append(said["seq"])
    assert missed > 0


@contextmanager
def player(folder: Path) -> Iterator[Callable[[int], tuple[int, str]]]:
    """What is given begins another life with that event: process and address."""
    command = [sys.executable, "-m", "tests.device.web.streaming", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as lives:

        def begin(first: int) -> tuple[int, str]:
            assert lives.stdin
            assert lives.stdout
            lives.stdin.write(f"{first}\n")
            lives.stdin.flush()
            process, address = lives.stdout.readline().split()
            return int(process), address

        yield begin


def test_a_box_that_is_killed_in_the_middle_gives_every_number_once_and_one_meaning(tmp_path: Path) -> None:
    """A reader that follows through three kill -9: numbers without a hole, and none ever means something else."""
    chance, seen, last = random.Random(20261122), dict[int, int](), 0
    with player(tmp_path) as begin:
        for kill in range(3):
            process, address = begin(kill * 1_000_000 + 1)
            timer = threading.Timer(chance.uniform(0.2, 0.6), os.kill, (process, signal.SIGKILL))
            try:
                timer.start()
                with connect(f"{address}{STREAM}?after={last}", open_timeout=WAIT_S, close_timeout=0.1) as listening:
                    while True:
                        said = json.loads(listening.recv(timeout=WAIT_S))
                        assert said["type"] != "missed"
                        if said["type"] == "event":
                            assert said["seq"] == last + 1
                            last = said["seq"]
                            seen[last] = said["event"]["frame_number"]
            except (ConnectionClosed, ConnectionError):
                pass
            finally:
                timer.join()
    assert last > 5
    with box(tmp_path) as it, it.listen("?after=0") as listening:
        kept = dict(heard(listening, last))
    assert {seq: kept[seq] for seq in seen} == seen
