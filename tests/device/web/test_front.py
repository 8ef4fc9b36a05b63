"""One port for HTTPS and for whoever has not heard of it yet: real connections to a real page, and a real browser."""

from __future__ import annotations

import asyncio
import hashlib
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from device.clock import SystemClock
from device.pipeline.channel import nothing
from device.web import front
from device.web.certificate import FILE, SHOWN, OwnCertificate, fingerprint
from device.web.options import Options
from device.web.server import PageServer
from tests.device.web.conftest import CHROMIUM
from tests.device.web.demo import Demo
from tests.device.web.looks import PLAYING
from tests.device.web.visitor import Visitor, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WAIT_S = 20


class Page:
    def __init__(self, data: Path, **more: object) -> None:
        self.demo, self.data = Demo(data), data
        self.own = OwnCertificate(data, ("localhost", "127.0.0.1"), self.demo.clock)
        said = {"host": "0.0.0.0", "port": 0, "password": "correct horse 9", "tls_cert": self.own.path, "tls_key": self.own.path, **more}
        self.server = PageServer(self.demo.desk, Options.model_validate(said), self.own)
        self.server.start()
        self.port = int(self.server.address.rpartition(":")[2])
        self.thread = threading.Thread(target=self.server.work, args=(nothing,))
        self.thread.start()

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.data / SHOWN))

    def shown(self) -> str:
        """The fingerprint of what the page shows, as a browser says it."""
        context = self.context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", self.port), WAIT_S)
        with plain, context.wrap_socket(plain) as secured:
            return hashlib.sha256(secured.getpeercert(True) or b"").digest().hex(":").upper()

    def said(self, words: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), WAIT_S) as plain:
            plain.sendall(words)
            return b"".join(iter(lambda: plain.recv(4096), b""))

    def close(self) -> None:
        self.server.close()
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    page = Page(tmp_path_factory.mktemp("page"))
    yield page
    page.close()


@pytest.fixture
def from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine has no other address for sure."""
    monkeypatch.setattr(front, "_from_here", lambda _visitor: False)


def test_who_trusts_its_certificate_is_in_and_it_is_the_one_that_the_box_says(page: Page) -> None:
    with httpx.Client(base_url=f"https://localhost:{page.port}", verify=page.context()) as client:
        answer = client.get("/healthz")
        assert answer.status_code == 200 and "strict-transport-security" not in answer.headers
        entered = client.post("/login", data={"password": "correct horse 9"}, headers={"origin": f"https://localhost:{page.port}"})
        assert entered.status_code == 303 and "secure" in entered.headers["set-cookie"].lower()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"https://localhost:{page.port}/healthz", trust_env=False)
    assert page.shown() == fingerprint(page.data)


def test_programs_of_this_machine_need_no_tls(page: Page) -> None:
    assert httpx.get(f"http://127.0.0.1:{page.port}/healthz").status_code == 200


def test_plain_http_from_elsewhere_is_sent_to_https_at_the_same_port(page: Page, from_elsewhere: None) -> None:
    answer = httpx.get(f"http://127.0.0.1:{page.port}/clips?day=1")
    assert (answer.status_code, answer.headers["location"]) == (307, f"https://127.0.0.1:{page.port}/clips?day=1")


@pytest.mark.parametrize(
    "words",
    [
        b"POST /login HTTP/1.1\r\nHost: box\r\nContent-Length: 3\r\n\r\na=b",
        b"GET /api/v1/status HTTP/1.1\r\nHost: box\r\nAuthorization: Bearer x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\nX: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil\r\n\tLocation: x\r\n\r\n" + b"x" * 100,
        b"GET /\xff HTTP/1.1\r\nHost: box\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"x" * 9000,
    ],
)
def test_what_should_not_have_been_sent_in_clear_is_refused_and_so_is_nonsense(page: Page, from_elsewhere: None, words: bytes) -> None:
    answer = page.said(words)
    assert answer.startswith((b"HTTP/1.1 426", b"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://evil/\r\n")), answer
    assert b"Location: x" not in answer and b"Connection: close" in answer


@pytest.mark.parametrize("half", [b"", b"GET / HT", b"\x16\x03"])
def test_who_says_nothing_whole_gives_way_to_others(
    half: bytes, tmp_path: Path, from_elsewhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("device.web.server.HANDSHAKE_S", 1000)  # by their number, not by time
    page = Page(tmp_path, max_connections=8)
    silent = []
    try:
        for _ in range(4):
            silent.append(socket.create_connection(("127.0.0.1", page.port), WAIT_S))
            silent[-1].sendall(half)
            threading.Event().wait(0.05)  # for it to be looked at
        assert page.shown()
        silent[0].settimeout(WAIT_S)
        with suppress(ConnectionResetError):
            assert silent[0].recv(1) == b"", "the oldest of more than half as many as may come"
    finally:
        for each in silent:
            each.close()
        page.close()


def test_a_certificate_that_is_renewed_counts_from_the_next_connection_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.web.server.LOOK_NS", 0)
    monkeypatch.setattr("device.web.server.TICK_S", 0.02)
    page = Page(tmp_path)
    try:
        before = page.shown()
        monkeypatch.setattr(page.own, "_in_time", lambda known: known.fingerprint != before)
        waiting = threading.Event()
        for _ in range(500):
            if fingerprint(tmp_path) != before:
                break
            waiting.wait(0.02)
        for _ in range(500):
            if (now := page.shown()) != before:
                break
            waiting.wait(0.02)
        assert now == fingerprint(tmp_path) != before
    finally:
        page.close()


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium at /usr/bin/chromium")
def test_a_browser_that_was_told_nothing_of_https_ends_there_and_sees_live_pictures(
    tmp_path: Path, from_elsewhere: None, chromium: Browser
) -> None:
    page = Page(tmp_path)
    page.demo.start()
    visitor = Visitor(chromium, f"https://127.0.0.1:{page.port}", ignore_https_errors=True)
    try:
        seen = visitor.page
        seen.goto(f"http://127.0.0.1:{page.port}/")
        assert seen.url.startswith(f"https://127.0.0.1:{page.port}/login")
        seen.get_by_label("Password").fill("correct horse 9")
        seen.keyboard.press("Enter")
        seen.locator(".tile[data-large]").wait_for()
        until(seen, PLAYING)
        assert [each for each in visitor.complaints if "http://127" not in each] == []
    finally:
        visitor.close()
        page.close()
        page.demo.close()


def test_of_a_crowd_that_comes_at_once_no_more_are_kept_than_of_those_who_come_one_by_one(tmp_path: Path) -> None:
    OwnCertificate(tmp_path, ("localhost",), SystemClock()).made()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / FILE)

    async def kept() -> int:
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
            crowd = [socket.create_connection(listening.getsockname()[:2], WAIT_S) for _ in range(40)]
            met = front.Front(asyncio.Protocol, listening, context, plainly=False, most=4, patience_s=1000)
            for _ in range(500):
                await asyncio.sleep(0)
            there = [each for each in crowd if not select.select([each], [], [], 0)[0]]
            for each in crowd:
                each.close()
            met.close()
            await met.wait_closed()
            return len(there)

    with ThreadPoolExecutor(1) as thread:  # that of the tests has Playwright's loop
        assert thread.submit(lambda: asyncio.run(kept())).result(WAIT_S) == 4
