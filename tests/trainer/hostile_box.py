"""A box that lies: the real answers of a real offer, of which a test changes what it likes, over a bare socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from contracts.shipment import Acknowledge, Export, ExportList, Receipt
from dataset.offer import Offer
from tests.dataset.scenery import WHEN

API = "/api/v1/exports"


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None  # bytes after which the connection ends, whatever was said of the length
    endless: bool = False


Change = Callable[[str, Answer], Answer]


class Liar:
    """`change` is given the kind of question (exports, page, object, ack) and the honest answer."""

    def __init__(self, root: Path, change: Change) -> None:
        self._offer = Offer(root, "box-1", "dataset")
        self.asked: list[tuple[str, str]] = []
        liar = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                liar.asked.append((self.path, self.headers.get("range", "")))
                kind, answer = liar._honest(self.path, self.headers.get("range", ""))
                self._give(change(kind, answer))

            def do_POST(self) -> None:
                said = Acknowledge.model_validate_json(self.rfile.read(int(self.headers["content-length"])))
                liar.asked.append((self.path, ""))
                receipt = Receipt(dataset=said.dataset, receiver=said.receiver, after=said.after, upto=said.upto, lines=1, t=WHEN)
                self._give(change("ack", Answer(body=receipt.model_dump_json().encode())))

            def _give(self, answer: Answer) -> None:
                self.send_response(answer.status)
                headers = {"Content-Length": str(len(answer.body)), **answer.headers}
                for name, value in headers.items():
                    if value:
                        self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(answer.body[: answer.cut])
                    while answer.endless:
                        self.wfile.write(b"x" * 65536)
                except OSError:
                    self.close_connection = True
                self.close_connection = self.close_connection or answer.cut is not None

            def log_message(self, format: str, *args: object) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def _honest(self, path: str, asked: str) -> tuple[str, Answer]:
        parts = urlsplit(path)
        if parts.path == API:
            state = self._offer.state()
            told = ExportList(device="box-1", exports=[Export(name="dataset", dataset=state.dataset, end=state.end)])
            return "exports", Answer(body=told.model_dump_json().encode())
        if parts.path.endswith("/records"):
            return "page", Answer(body=self._offer.page(int(parse_qs(parts.query)["after"][0])))
        data = self._offer.layout.image(parts.path.rpartition("/")[2]).read_bytes()
        if not asked:
            return "object", Answer(body=data)
        first = int(asked.removeprefix("bytes=").removesuffix("-"))
        return "object", Answer(206, data[first:], {"Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def page_with(body: bytes, change: Callable[[dict[str, object], bytes], tuple[dict[str, object], bytes]]) -> bytes:
    """A page with another head, other lines, or both."""
    first, _, rest = body.partition(b"\n")
    head, rest = change(json.loads(first), rest)
    return json.dumps(head).encode() + b"\n" + rest
