"""A real HTTP server with Range over a folder, which counts what it sends, breaks off when told to, and lies when told to."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

PIECE = 16 << 10
Lie = Callable[[bytes], bytes]


class Files(ThreadingHTTPServer):
    """`cut_after`: bytes of a body after which the connection ends, one for each request to targets, first come first."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.sent: Counter[str] = Counter()  # bytes of bodies, by path
        self.asked: list[str] = []
        self.cut_after: list[int] = []
        self.endless: set[str] = set()
        self.silent: set[str] = set()  # headers, and then a byte now and then
        self.half: set[str] = set()  # the connection ends in the middle
        self.lies: dict[str, Lie] = {}
        self.no_range = False
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def sent_below(self, prefix: str) -> int:
        return sum(count for path, count in self.sent.items() if path.startswith(prefix))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Files

    def do_GET(self) -> None:
        path = unquote(self.path).lstrip("/")
        self.server.asked.append(path)
        file = self.server.folder / path
        if path in self.server.endless:
            self._endless(path)
            return
        if not file.is_file():
            self.send_error(404)
            return
        data = file.read_bytes()
        if lie := self.server.lies.get(path):
            data = lie(data)
        self._send(path, data)

    def _send(self, path: str, data: bytes) -> None:
        begin, end = 0, len(data)
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked and not self.server.no_range:
            begin, end = int(asked[1]), min(int(asked[2]) + 1, len(data))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(end - begin))
        self.end_headers()
        if path in self.server.silent:
            self._drip(data[begin:end])
            return
        until = end if path not in self.server.half else (begin + end) // 2
        if path.startswith("targets/") and self.server.cut_after:
            until = min(end, begin + self.server.cut_after.pop(0))
        self._write(path, data[begin:until])
        self.close_connection = True

    def _write(self, path: str, data: bytes) -> None:
        for at in range(0, len(data), PIECE):
            try:
                self.wfile.write(data[at : at + PIECE])
            except OSError:
                return
            self.server.sent[path] += len(data[at : at + PIECE])

    def _drip(self, data: bytes) -> None:
        for at in range(len(data)):
            try:
                self.wfile.write(data[at : at + 1])
            except OSError:
                return
            if self.server.closing.wait(0.02):
                return

    def _endless(self, path: str) -> None:
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        while not self.server.closing.is_set():
            try:
                self.wfile.write(b" " * PIECE)
            except OSError:
                return
            self.server.sent[path] += PIECE

    def log_message(self, *_: object) -> None:
        """The test's output is for failures."""


@contextmanager
def serving(folder: Path) -> Iterator[Files]:
    server = Files(folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
