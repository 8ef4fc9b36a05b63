"""A desk with packets, scenes, events and clips, and real pages in front of it on free ports."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from device.web.options import Options
from device.web.server import PageServer
from tests.device.web.demo import Demo
from tests.device.web.visitor import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TOKEN = "a-token-of-more-than-16-characters"
PASSWORD = "correct horse"
WAIT_S = 10
CHROMIUM = Path("/usr/bin/chromium")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--mute-audio"]
PHONE = {"width": 390, "height": 844}
needs_chromium = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium at /usr/bin/chromium")]


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    """Steps by hand: a bit more than a second of packets is in the ring."""
    made = Demo(tmp_path)
    for _ in range(28):
        made.step()
    return made


class Running:
    """A PageServer in a thread, as the crew runs it, and a visitor."""

    def __init__(self, demo: Demo, **options: Any) -> None:
        self.server = PageServer(demo.desk, Options(**{"port": 0, **options}))
        self.server.start()
        self.error: BaseException | None = None
        self.ticked = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()
        self.base = self.server.address
        self.same = {"origin": self.base}
        self.http = httpx.Client(base_url=self.base, timeout=WAIT_S)
        self.get, self.post = self.http.get, self.http.post

    def _work(self) -> None:
        try:
            self.server.work(self.ticked.set)
        except BaseException as error:  # noqa: BLE001 - what the crew would see
            self.error = error

    def listen(self, path: str, **headers: str) -> ClientConnection:
        return connect(
            self.base.replace("http", "ws") + path, additional_headers=headers, open_timeout=WAIT_S, close_timeout=0.1, max_size=None
        )

    def close(self) -> None:
        self.http.close()
        self.server.close()
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()


def words(socket: ClientConnection, wanted: str) -> dict[str, Any]:
    """The next text message of that type."""
    while True:
        message = socket.recv(timeout=WAIT_S)
        if isinstance(message, str) and (said := json.loads(message))["type"] == wanted:
            return dict(said)


Run = Callable[..., Running]


@pytest.fixture
def run(demo: Demo) -> Iterator[Run]:
    pages: list[Running] = []

    def start(**options: Any) -> Running:
        pages.append(Running(demo, **options))
        return pages[-1]

    yield start
    for page in pages:
        page.close()
        assert page.error is None


@pytest.fixture
def page(run: Run) -> Running:
    """Open to everybody on this machine, as it is by default."""
    return run()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Any]:
    windows: list[Visitor] = []

    def opened(running: Running, **options: Any) -> Visitor:
        windows.append(Visitor(chromium, running.base, **options))
        return windows[-1]

    yield opened
    for window in windows:
        window.close()
        assert window.complaints == []
