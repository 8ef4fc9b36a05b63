"""A camera that lies: its redirections lead to no file and to no other service."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from contracts.errors import ConfigError
from device.clock import SystemClock
from device.setup.looking import Looking

SECRET = "hush-hush-7Z"


class Liar:
    """Speaks RTSP as far as a redirection to wherever."""

    def __init__(self, location: str) -> None:
        self._location, self._listening = location, socket.create_server(("127.0.0.1", 0))
        self.url = f"rtsp://joe:{SECRET}@127.0.0.1:{self._listening.getsockname()[1]}/one"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            asked = b""
            while data := connection.recv(4096):
                asked += data
                while b"\r\n\r\n" in asked:
                    head, _, asked = asked.partition(b"\r\n\r\n")
                    number = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"cseq"))
                    ok = head.startswith(b"OPTIONS")
                    said = b"200 OK\r\nPublic: DESCRIBE" if ok else b"302 Found\r\nLocation: " + self._location.encode()
                    connection.sendall(b"RTSP/1.0 " + said + b"\r\n" + number + b"\r\n\r\n")

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def elsewhere() -> Iterator[socket.socket]:
    """A service of this machine that nobody shall be made to ask."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.3)
        yield listening


def test_a_redirection_leads_to_no_file_and_to_no_other_service(elsewhere: socket.socket) -> None:
    looking = Looking(SystemClock())
    for location in ("file:///etc/passwd", "/etc/passwd", f"http://127.0.0.1:{elsewhere.getsockname()[1]}/x", "concat:/etc/passwd"):
        liar = Liar(location)
        tried = looking.tried("yard", {"use": "rtsp", "url": liar.url})
        liar.close()
        assert not tried.ok and SECRET not in tried.text + tried.mend and looking.picture() is None
    with pytest.raises(TimeoutError):
        elsewhere.accept()
    looking.close()


def test_one_camera_is_tried_at_a_time(elsewhere: socket.socket) -> None:
    """One that never answers holds up nobody but who tried it."""
    looking = Looking(SystemClock())
    silent = {"use": "rtsp", "url": f"rtsp://127.0.0.1:{elsewhere.getsockname()[1]}/one", "open_timeout_s": 14}
    first = threading.Thread(target=looking.tried, args=("yard", silent), daemon=True)
    first.start()
    elsewhere.settimeout(20)
    elsewhere.accept()[0].close()
    first.join(20)
    held = looking._turn
    with held, pytest.raises(ConfigError, match="is being tried"):
        looking.tried("hall", silent)
    looking.close()
