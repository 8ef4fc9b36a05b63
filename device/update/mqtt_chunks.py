"""MqttChunks: the road over the broker, for a box that reaches nothing else: a piece is asked for, its bytes come back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from contracts.update import ASK_BYTES, ChunkAsk
from device.pipeline.channel import SLICE_S
from device.update.refusal import Refusal
from device.update.roads import Missing

WINDOW = 4  # pieces that are asked for at once


class MqttChunks:
    """`ask` publishes under up/chunk; `receive` may be called by the broker's thread. What was not asked for is dropped."""

    name = "mqtt"

    def __init__(self, ask: Callable[[ChunkAsk], None], new_id: Callable[[], str], timeout_s: float) -> None:
        self._ask, self._new_id, self._timeout_s = ask, new_id, timeout_s
        self._hung_up = False
        self._changed = threading.Condition()
        self._wanted: dict[str, int] = {}  # id -> bytes at most
        self._got: dict[str, bytes | None] = {}  # None: it is not there

    def receive(self, rest: str, payload: bytes) -> None:
        """What stands behind dn/chunk/ in the topic."""
        number, _, word = rest.partition("/")
        with self._changed:
            size = self._wanted.get(number)
            if size is None or number in self._got or len(payload) > size or word not in {"", "missing"}:
                return
            self._got[number] = None if word else payload
            self._changed.notify_all()

    def hang_up(self) -> None:
        """From any thread: who waits for a piece is told that none comes."""
        with self._changed:
            self._hung_up = True
            self._changed.notify_all()

    def metadata(self, name: str, limit: int) -> bytes:
        data = b""
        while len(data) <= limit:
            size = min(ASK_BYTES, limit + 1 - len(data))
            piece = self._after(data, self._send(f"metadata/{name}", len(data), size), name)
            data += piece
            if len(piece) < size:
                return data
        raise Refusal("E_SIZE", f"metadata/{name}: has more than {limit} bytes; see who answers at the broker")

    def stream(self, target: str, begin: int, end: int) -> Iterator[bytes]:
        """A few pieces are under way at a time; they are given in their order."""
        offsets = iter(range(begin, end, ASK_BYTES))
        under_way: list[tuple[str, int]] = []
        try:
            while True:
                while len(under_way) < WINDOW and (at := next(offsets, None)) is not None:
                    size = min(ASK_BYTES, end - at)
                    under_way.append((self._send(f"targets/{target}", at, size), size))
                if not under_way:
                    return
                number, size = under_way.pop(0)
                try:
                    piece = self._one(number, target)
                except Missing as error:
                    raise Refusal("E_FETCH", f"broker: nobody has targets/{target}; publish it at the trainer") from error
                if len(piece) != size:
                    raise Refusal(
                        "E_FETCH", f"broker: {len(piece)} bytes of targets/{target} came, {size} were asked for; it is tried again"
                    )
                yield piece
        finally:
            with self._changed:
                for number, _ in under_way:
                    self._wanted.pop(number, None)
                    self._got.pop(number, None)

    def _after(self, data: bytes, number: str, name: str) -> bytes:
        """Behind the end of a file there is nothing, and it is there all the same."""
        try:
            return self._one(number, name)
        except Missing:
            if not data:
                raise
            return b""

    def _send(self, path: str, offset: int, size: int) -> str:
        number = self._new_id()
        with self._changed:
            self._wanted[number] = size
        self._ask(ChunkAsk(id=number, path=path, offset=offset, size=size))
        return number

    def _one(self, number: str, what: str) -> bytes:
        """Missing when the trainer has none; Refusal when nobody answers."""
        left = self._timeout_s
        with self._changed:
            try:
                while number not in self._got:
                    if left <= 0:
                        raise Refusal("E_FETCH", f"broker: nobody sent {what} within {self._timeout_s:g} s; see whether the trainer runs")
                    if self._hung_up:
                        raise Refusal("E_FETCH", f"broker: the box stopped waiting for {what}; it is tried again")
                    self._changed.wait(min(left, SLICE_S))
                    left -= SLICE_S if number not in self._got else 0
                found = self._got[number]
            finally:
                self._wanted.pop(number, None)
                self._got.pop(number, None)
        if found is None:
            raise Missing(what)
        return found
