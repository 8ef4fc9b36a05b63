"""A server that says whatever a test wants: bytes on a bare socket, for what no honest server can be brought to say."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Said = Callable[[bytes], Iterator[bytes]]  # of a request, the pieces of what is answered


class Liar:
    """Each connection gets what `said` gives, a piece at a time with `pause_s` between; then it is closed."""

    def __init__(self, said: Said, pause_s: float = 0.0) -> None:
        self._said, self._pause_s = said, pause_s
        self.requests: list[bytes] = []
        self._closing = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def start(self) -> None:
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while not self._closing.is_set():
                connection, _ = self._listening.accept()
                answering = threading.Thread(target=self._answer, args=(connection,), daemon=True)
                self._threads.append(answering)
                answering.start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            request = connection.recv(1 << 16)
            self.requests.append(request)
            for piece in self._said(request):
                connection.sendall(piece)
                if self._closing.wait(self._pause_s):
                    return

    def close(self) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(10)


@contextmanager
def lying(said: Said, pause_s: float = 0.0) -> Iterator[Liar]:
    made = Liar(said, pause_s)
    made.start()
    try:
        yield made
    finally:
        made.close()
