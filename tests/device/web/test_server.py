"""The page's worker: its port, its end, and what it does with a bug."""

from __future__ import annotations

import logging
import socket
import threading

import pytest
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from contracts.errors import ConfigError
from device.clock import SystemClock
from device.pipeline.crew import Crew
from device.web.options import Options
from device.web.server import PageServer
from tests.device.web.conftest import PASSWORD, TOKEN, WAIT_S, Run, Running
from tests.device.web.demo import Demo


def test_a_port_that_is_taken_is_the_owners_to_mend(demo: Demo) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"port {port} on 127\.0\.0\.1 is taken by another program; stop it, or set page.port"):
            PageServer(demo.desk, Options(port=port)).start()


def test_an_address_that_is_not_ours_is_the_owners_to_mend(demo: Demo) -> None:
    with pytest.raises(ConfigError, match=r"set page\.host to an address of this machine"):
        PageServer(demo.desk, Options(host="192.0.2.1", password=PASSWORD, port=0)).start()


def test_port_zero_takes_a_free_one_and_the_board_says_which(page: Running, demo: Demo) -> None:
    assert page.get("/healthz").status_code == 200
    assert demo.desk.board.parts()["page"].reason == f"listening on {page.base}"


def test_it_works_in_a_crew_and_ends_with_it(demo: Demo) -> None:
    crew, page = Crew(SystemClock()), PageServer(demo.desk, Options(port=0))
    page.start()
    crew.add("page", page.work, deadline_s=5)
    crew.on_stop(page.close)
    crew.start()
    crew.stop(WAIT_S)
    assert crew.crash is None
    assert crew.ready()


def test_it_ticks_while_nobody_asks_anything(page: Running) -> None:
    for _ in range(2):
        assert page.ticked.wait(WAIT_S)
        page.ticked.clear()


def test_it_ends_although_a_browser_is_still_listening(demo: Demo) -> None:
    page = Running(demo)
    with page.listen("/api/v1/events/stream"):
        page.close()
    assert page.error is None


def test_a_bug_in_one_of_its_threads_stops_the_worker(demo: Demo) -> None:
    page = Running(demo)
    assert page.ticked.wait(WAIT_S)
    with page.listen("/api/v1/events/stream") as socket:
        socket.recv(timeout=WAIT_S)
        demo.told.since = lambda after, limit: 1 / 0  # type: ignore[method-assign,assignment]
        demo.happen()
        page.thread.join(WAIT_S)
    page.http.close()
    assert isinstance(page.error, ZeroDivisionError)


def test_no_secret_is_written_to_the_log(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        page = run(password=PASSWORD, token=TOKEN)
        page.post("/login", data={"password": "a wrong guess"}, headers=page.same)
        page.post("/login", data={"password": PASSWORD}, headers=page.same)
        cookie = page.http.cookies["vedette_session"]
        page.get("/api/v1/info", headers={"authorization": f"Bearer {TOKEN}"})
        with page.listen("/api/v1/events/stream", authorization=f"Bearer {TOKEN}"):
            pass
    client = ("httpcore", "httpx", "websockets.client")
    ours = "\n".join(r.getMessage() + str(r.__dict__) for r in caplog.records if not r.name.startswith(client))
    assert not [word for word in (PASSWORD, "wrong guess", TOKEN, cookie) if word in ours]


def test_the_pipeline_is_not_held_up_by_a_browser_that_does_not_read(page: Running, demo: Demo) -> None:
    """The client reads nothing once its queue of sixteen messages is full."""
    with page.listen("/api/v1/live/street") as stuck:
        stuck.recv(timeout=WAIT_S)
        stuck.send('{"play": "mp4"}')
        done = threading.Event()

        def play() -> None:
            for _ in range(200):
                demo.step()
            done.set()

        threading.Thread(target=play, daemon=True).start()
        assert done.wait(WAIT_S)


def test_a_socket_that_closes_while_the_page_stops_is_no_fault(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    def closing(_protocol: object) -> None:
        raise InvalidState("connection is closing")

    running = Running(demo)
    with running.listen("/api/v1/events/stream"):
        monkeypatch.setattr(WebSocketsSansIOProtocol, "shutdown", closing)
        running.close()
    assert running.error is None
