"""An RTSP camera that says what a test wants: real sockets, its own idea of the protocol."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

SDP = (
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    b"a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0IAH5WoFAFuQA==,aM48gA==\r\na=control:t1\r\n"
)
Play = Callable[[socket.socket], None]
Answer = Callable[[bytes, bytes, socket.socket], bool]  # method, first lines of an answer, connection: whether it has answered itself


def nothing(_connection: socket.socket) -> None:
    return


def as_usual(_method: bytes, _ok: bytes, _connection: socket.socket) -> bool:
    return False


@contextmanager
def camera(sdp: bytes = SDP, play: Play = nothing, answer: Answer = as_usual) -> Iterator[str]:
    """Its address."""
    server = socket.create_server(("127.0.0.1", 0))
    open_: list[socket.socket] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                open_.append(connection)
                threading.Thread(target=_talk, args=(connection, sdp, play, answer), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"rtsp://admin:geheim@127.0.0.1:{server.getsockname()[1]}/x"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(10)
        for connection in open_:
            connection.close()


def _talk(connection: socket.socket, sdp: bytes, play: Play, answer: Answer) -> None:
    with suppress(OSError, ValueError), connection.makefile("rb") as lines:
        while method := lines.readline().split(b" ")[0]:
            number = b"1"
            while line := lines.readline().strip():
                if line.lower().startswith(b"cseq:"):
                    number = line[5:].strip()
            ok = b"RTSP/1.0 200 OK\r\nCSeq: " + number + b"\r\n"
            if not answer(method, ok, connection):
                connection.sendall(ok + _usual(method, sdp))
            if method == b"PLAY":
                play(connection)


def _usual(method: bytes, sdp: bytes) -> bytes:
    heads = {
        b"OPTIONS": b"Public: OPTIONS, DESCRIBE, SETUP, PLAY\r\n",
        b"DESCRIBE": b"Content-Type: application/sdp\r\n",
        b"SETUP": b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
    }
    body = sdp if method == b"DESCRIBE" else b""
    return heads.get(method, b"Session: 1\r\n") + b"Content-Length: %d\r\n\r\n" % len(body) + body


def rtp(number: int, payload: bytes) -> bytes:
    """One RTP packet of one moment, as RTSP puts it between its own words."""
    packet = b"\x80\x60" + (number & 0xFFFF).to_bytes(2, "big") + b"\0\0\0\1" + b"\0\0\0\7" + payload
    return b"$\0" + len(packet).to_bytes(2, "big") + packet
