"""A stranger at the page's port: it opens, sends and asks whatever it likes, and neither the page nor the box pays for it."""

from __future__ import annotations

import json
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed

from device.clock import SystemClock
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.publish.outbox import Outbox
from device.publish.stamp import Stamp
from device.web import guard
from serving import door
from tests.device.web.conftest import PASSWORD, TOKEN, Run, Running, needs_chromium, words
from tests.device.web.demo import Demo
from tests.device.web.fakes import event_at
from tests.device.web.visitor import Visitor
from tests.memory import at_most_mib

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LOCKED = {"password": PASSWORD, "token": TOKEN}
MiB = 1 << 20
CODE = "\"><img src=x onerror=alert(1)>'</script><script>alert(1)</script>{{7*7}}"


def connected(page: Running, *, patience_s: float = 10) -> socket.socket:
    host, port = page.base.removeprefix("http://").rsplit(":", 1)
    return socket.create_connection((host, int(port)), patience_s)


def answer(page: Running, request: str) -> bytes:
    """To a request as it stands, with the Host of the page and an own Origin."""
    host = page.base.removeprefix("http://")
    with connected(page, patience_s=60) as sock:
        head = f"{request}\r\nHost: {host}\r\nOrigin: {page.base}\r\nConnection: close\r\n"
        sock.sendall(head.encode("latin-1") + b"\r\n")
        said = b""
        with suppress(OSError):
            while more := sock.recv(65536):
                said += more
    return said


def test_a_body_that_counts_itself_twice_is_not_taken(run: Run) -> None:
    """Chunks go before Content-Length (RFC 9112, 6.3): five bytes were promised, and for ever is what comes."""
    page = run(**LOCKED)
    with at_most_mib(64), connected(page) as sock, suppress(OSError):
        host = page.base.removeprefix("http://")
        headers = f"Host: {host}\r\nOrigin: {page.base}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"
        sock.sendall(f"POST /login HTTP/1.1\r\n{headers}\r\n\r\n".encode())
        assert sock.recv(64).startswith(b"HTTP/1.1 411 ")
        for _ in range(150):
            sock.sendall(b"100000\r\n" + b"x" * MiB + b"\r\n")


def test_a_form_that_never_comes_is_given_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.web.login.BODY_S", 0.2)
    page = run(**LOCKED)
    assert answer(page, "POST /login HTTP/1.1\r\nContent-Length: 50").startswith(b"HTTP/1.1 408 ")


def test_hundreds_of_idle_connections_leave_the_box_its_files_and_the_owner_the_page(run: Run) -> None:
    """At any time a bounded number of file descriptors, and when the page has got round to them all, what is idle and a backlog."""
    page = run(**LOCKED, max_connections=32)
    before = descriptors()
    with ExitStack() as held:
        for number in range(600):
            sock = held.enter_context(connected(page, patience_s=60))
            with suppress(OSError):
                sock.sendall(b"GET /" if number % 2 else b"")
            if number % CROWD == CROWD - 1:
                mine = before + number + 1
                assert descriptors() - mine <= 16 + TURNS * door.BACKLOG
                assert answer(page, "GET /healthz HTTP/1.1").startswith(b"HTTP/1.1 200 ")
                eventually(lambda mine=mine: descriptors() - mine <= 16 + door.BACKLOG)  # type: ignore[misc]


CROWD = 30  # at once; of more than wait in line the kernel forgets some, which ask again after a second, two, four
TURNS = 4  # of the event loop, each letting in a backlog: let in, greeted, shown out, closed


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  a name is all there is


def eventually(true: Callable[[], bool], patience_s: float = 30) -> None:
    """A busy machine may be late, never wrong."""
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.02)


def test_who_asks_nothing_for_ten_seconds_is_shown_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "REQUEST_NS", 100_000_000)
    page = run()
    with connected(page) as silent, connected(page) as slow, page.listen("/api/v1/events/stream") as listening:
        words(listening, "hello")
        slow.sendall(b"GET / HTTP/1.1\r\nHost: ")
        for sock in (silent, slow):
            with suppress(ConnectionResetError):
                assert sock.recv(10) == b""
        assert words(listening, "status")["device"] == "demo-box"


def test_a_stranger_who_asks_and_never_reads_does_not_keep_his_connection(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One behind the other, more than the kernel holds: a hundred such, and the page had no connection left for its owner."""
    monkeypatch.setattr(guard, "STRANGER_READS_S", 0.3)
    page = run(**LOCKED)
    with connected(page) as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.sendall(f"GET /static/page.css HTTP/1.1\r\nHost: {page.base.removeprefix('http://')}\r\n\r\n".encode() * 300)
        poller = select.poll()
        poller.register(silent, 0)  # only that it is over
        assert poller.poll(20_000), "it may keep it for ever"
    assert answer(page, "GET /healthz HTTP/1.1").startswith(b"HTTP/1.1 200 ")


ODD = [
    "GET http://[ HTTP/1.1",
    "GET //[/x HTTP/1.1\r\nAccept: text/html",
    "GET /%ff%00/..%2f HTTP/1.1",
    "GET / HTTP/1.1\r\nCookie: vedette_session=\xff; =;=",
    "GET / HTTP/1.1\r\nAuthorization: Bearer \xff\xfe",
    "GET /api/v1/events?before=99999999999999999999999 HTTP/1.1",
    "GET /api/v1/events?before=-1 HTTP/1.1",
    "GET /events?before=18446744073709551616 HTTP/1.1",
    "GET /api/v1/health/trends?after=99999999999999999999999 HTTP/1.1",
    "GET /api/v1/clips?before=0001-01-01T00:00:00%2B23:59 HTTP/1.1",
    "GET /clips?before=9999-12-31T23:59:59-23:59 HTTP/1.1",
    f"GET /api/v1/clips?camera={'%2e%2e%2f' * 300} HTTP/1.1",
    f"GET /api/v1/clips/file/{'a' * 300}.mp4 HTTP/1.1",
    f"GET /api/v1/clips/file/{'a/' * 3000}.mp4 HTTP/1.1",
    "GET /api/v1/clips/file/%00.mp4 HTTP/1.1",
    "GET /api/v1/clips/file/..%2f..%2fetc/passwd.json HTTP/1.1",
    "GET /api/v1/snapshot/%f0%9f.jpg HTTP/1.1",
    "GET /static/%2e%2e/options.py HTTP/1.1",
    f"GET /static/{'a' * 5000} HTTP/1.1",
    "GET /static/page.css HTTP/1.1\r\nRange: bytes=" + ",".join(f"{n}-{n}" for n in range(0, 3000, 2)),
    "GET /static/page.css HTTP/1.1\r\nRange: bytes=99999999999999999999-",
    "BREW /pot HTTP/1.1\r\nContent-Length: 0",
    "POST /login HTTP/1.1\r\nContent-Length: 0",
    "POST /logout HTTP/1.1\r\nContent-Length: 0",
    "POST /api/v1/info HTTP/1.1\r\nContent-Length: 0",
]


@pytest.mark.parametrize("lock", [{}, LOCKED], ids=["open", "locked"])
def test_no_question_makes_the_page_fail(run: Run, lock: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    page = run(**lock)
    for request in ODD:
        code = int(answer(page, request)[9:12] or 0)
        assert 200 <= code < 500, request
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_form_of_many_fields_and_a_mad_origin_are_no_failure_either(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    page = run(**LOCKED)
    assert page.post("/login", content="a=1&" * 4000, headers=page.same).status_code == 401
    assert page.post("/login", content="a=1", headers={"origin": "http://["}).status_code == 403
    with connected(page) as sock:
        host = page.base.removeprefix("http://")
        sock.sendall(f"POST /login HTTP/1.1\r\nHost: {host}\r\nOrigin: {page.base}\r\nContent-Length: 50\r\n\r\na".encode())
    assert page.get("/healthz").status_code == 200
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_numbers_no_database_takes_are_the_callers_fault(demo: Demo, tmp_path: Path) -> None:
    """The journal itself behind the page, not a list in memory."""
    clock = SystemClock()
    outbox = Outbox(tmp_path / "outbox.sqlite", Stamp(clock, "street", boot="b"), Board(), Tally())
    outbox.add(event_at("street", 1, clock.wall_ns()), clock.mono_ns())
    outbox.commit()
    demo.desk = replace(demo.desk, history=outbox)
    page = Running(demo)
    try:
        for number in ("99999999999999999999999", "-99999999999999999999999", str(1 << 63)):
            assert page.get(f"/api/v1/events?before={number}").status_code == 422
            assert page.get(f"/events?before={number}").status_code == 422
        assert page.get(f"/api/v1/events?before={(1 << 63) - 1}").json()["events"]
    finally:
        page.close()
        outbox.close()


@pytest.mark.parametrize("said", ["[]", "0", "null", '"mp4"', "[" * 4000, '{"play":[]}', '{"play":{}}', "{", "", b"\x00\x01"])
def test_a_browser_that_answers_nonsense_is_left(page: Running, said: str | bytes, caplog: pytest.LogCaptureFixture) -> None:
    with page.listen("/api/v1/live/street") as socket_:
        words(socket_, "hello")
        socket_.send(said)
        with suppress(ConnectionClosed, TimeoutError):
            socket_.recv(0.5)
    assert page.get("/healthz").status_code == 200
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_message_longer_than_a_browser_has_to_say_ends_the_socket(page: Running) -> None:
    with page.listen("/api/v1/events/stream") as socket_:
        words(socket_, "hello")
        socket_.send("x" * 5000)
        with pytest.raises(ConnectionClosed):
            while True:
                socket_.recv(5)


def test_viewers_that_all_wait_at_once_do_not_all_get_in(run: Run) -> None:
    page = run(max_viewers=2)
    with ExitStack() as open_:
        sockets = [open_.enter_context(page.listen("/api/v1/live/street")) for _ in range(6)]
        for each in sockets:
            words(each, "hello")
        for each in sockets:
            each.send(json.dumps({"play": "jpeg"}))
        assert sum(_turned_away(each) for each in sockets) == 4


def _turned_away(socket_: object) -> bool:
    try:
        while True:
            socket_.recv(1)  # type: ignore[attr-defined]
    except ConnectionClosed as closed:
        return closed.rcvd is not None and closed.rcvd.code == 1013
    except TimeoutError:
        return False


@needs_chromium[0]
@needs_chromium[1]
def test_names_that_are_code_are_shown_and_never_run(tmp_path: Path, chromium: Browser) -> None:
    """Labels come with a bundle, reasons from a camera's own words: all of them reach the page, rendered and live."""
    demo = Demo(tmp_path, ("street",))
    demo.desk = replace(demo.desk, zones={"street": {CODE: [(0.1, 0.1), (0.9, 0.1), (0.5, 0.9)]}}, profile=CODE)
    demo.desk.board.part("record", "failed", CODE, demo.clock.wall_ns())
    demo.desk.board.camera("street", reason=CODE)
    named = {"zones": [CODE], "entered": [CODE], "data": {CODE: CODE}}
    event = event_at("street", 1, demo.clock.wall_ns(), label=CODE).model_copy(update=named)
    demo.tell(event)
    demo.clip(event)
    demo.start()
    page = Running(demo)
    try:
        for path in ("/", "/events", f"/events/{event.id}", "/clips", "/health", "/api/v1/docs"):
            visitor = Visitor(chromium, page.base)
            shown = visitor.open(path)
            demo.tell(event.model_copy(update={"id": event_at("street", 2, 0).id, "life": "new", "end": None}))
            shown.wait_for_timeout(1500)
            assert shown.locator("img[src='x']").count() == 0
            assert shown.evaluate("[...document.scripts].every(script => script.src.startsWith(location.origin))")
            assert "49" not in shown.title()
            visitor.close()
            assert [said for said in visitor.complaints if "CSP" in said or "asked" in said] == []
    finally:
        page.close()
        demo.close()
    assert page.error is None
