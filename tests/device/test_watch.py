"""What systemd hears: ready when all go round, alive only while all do, and how it is in words."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.notify import Notify, send_to_socket
from device.pipeline.board import Board
from device.pipeline.crew import Crew
from device.pipeline.protocols import Tick
from device.watch import LONGEST_STATUS, Watch, patience, words
from tests.clocks import HandClock


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(0.05)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield sock


def heard(systemd: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(systemd.recv(4096).decode())
        except TimeoutError:
            return found


def test_what_a_busy_systemd_did_not_take_is_said_again(systemd: socket.socket) -> None:
    said: list[str] = []
    crew = Crew(HandClock())
    watch = Watch(crew, Board(), Notify(send_to_socket), "one", lambda: said.append("ready"))
    crew.start()
    while send_to_socket("WATCHDOG=1"):
        pass  # the kernel keeps a few that nobody reads, and takes no more
    watch.step()
    assert not [line for line in heard(systemd) if "READY" in line]
    watch.step()
    assert heard(systemd) == ["READY=1\nSTATUS=one", "WATCHDOG=1", "STATUS=no camera yet"]
    watch.step()
    assert (heard(systemd), said) == (["WATCHDOG=1"], ["ready"])
    crew.stop()


class Worker:
    """Goes round when told to, and says when it did."""

    def __init__(self) -> None:
        self._turns, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self.ended = threading.Event()

    def run(self, tick: Tick) -> None:
        while not self.ended.is_set():
            self._turns.acquire()
            tick()
            self._done.release()

    def go_round(self) -> None:
        self._turns.release()
        assert self._done.acquire(timeout=10)

    def end(self) -> None:
        self.ended.set()
        self._turns.release()


def test_a_worker_that_hangs_is_told_before_the_watchdogs_own_time_is_over(systemd: socket.socket) -> None:
    clock, worker = HandClock(), Worker()
    crew = Crew(clock)
    crew.add("follow", worker.run, deadline_s=20)
    crew.on_stop(worker.end)
    watch = Watch(crew, Board(), Notify(send_to_socket), "one", watchdog_s=30)
    crew.start()
    worker.go_round()
    watch.step()
    clock.advance(21)
    watch.step()
    assert heard(systemd)[-1] == "STATUS=not answering: follow", "it may come back"
    clock.advance(4)
    watch.step()
    assert heard(systemd) == ["WATCHDOG=trigger"]
    worker.go_round()
    watch.step()
    assert "WATCHDOG=1" in heard(systemd)
    crew.stop()


def test_ready_watchdog_and_status_follow_the_workers(systemd: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    clock, board = HandClock(), Board()
    crew, worker, other = Crew(clock), Worker(), Worker()
    crew.add("look yard", worker.run, deadline_s=60)
    crew.add("journal", other.run, deadline_s=60)
    crew.on_stop(worker.end)
    crew.on_stop(other.end)
    watch = Watch(crew, board, Notify(send_to_socket), "vedette: 1 camera(s)")
    crew.start()
    worker.go_round()
    watch.step()
    assert heard(systemd) == ["WATCHDOG=1"], "one worker has not gone round yet"
    other.go_round()
    board.camera("yard", state="online")
    watch.step()
    watch.step()
    assert heard(systemd) == ["READY=1\nSTATUS=vedette: 1 camera(s)", "WATCHDOG=1", "STATUS=yard online", "WATCHDOG=1"]
    clock.advance(61)
    other.go_round()
    for _ in range(3):
        watch.step()
    assert heard(systemd) == ["STATUS=not answering: look yard"], "no WATCHDOG: systemd will end it"
    assert [r.getMessage() for r in caplog.records] == ["workers do not answer"], "said once, not in every round"
    worker.go_round()
    board.part("mqtt", "degraded", "no broker at 10.0.0.1:1883")
    watch.step()
    assert heard(systemd) == ["WATCHDOG=1", "STATUS=yard online; mqtt degraded (no broker at 10.0.0.1:1883)"]
    crew.stop()


def test_words_name_cameras_with_reasons_and_parts_that_are_not_well() -> None:
    board = Board()
    assert words(board) == "no camera yet"
    board.camera("yard", state="online")
    board.camera("gate", state="retrying", reason="camera gate: no route to host")
    board.part("outbox", "ok")
    board.part("record", "failed", "the disk is full")
    assert words(board) == "yard online, gate retrying (camera gate: no route to host); record failed (the disk is full)"
    board.part("page", "failed", "x" * 1000)
    assert len(words(board)) == LONGEST_STATUS


def test_while_an_engine_is_built_systemd_is_asked_to_wait_again_and_again(systemd: socket.socket) -> None:
    systemd.settimeout(10)
    with patience(Notify(send_to_socket), every_s=0.01):
        assert [systemd.recv(100) for _ in range(3)] == [b"EXTEND_TIMEOUT_USEC=60000000"] * 3
    systemd.settimeout(0.05)
    heard(systemd)
    assert heard(systemd) == [], "and not when it is done"
