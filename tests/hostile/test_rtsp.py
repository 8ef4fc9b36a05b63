"""A camera that lies: what it sends is that camera's failure, never the end of the box, and never all of its memory."""

from __future__ import annotations

import random
import socket

import pytest

from contracts.errors import HardwareError
from device.capture.decoder import Decoder
from device.capture.rtsp import RtspSource
from device.clock import SystemClock
from tests.hostile.rtsp_liar import SDP, Play, camera, rtp
from tests.memory import at_most_mib


def watch(url: str, packets: int = 50, **options: float) -> int:
    """How many packets came, up to so many; the failure there may be is a HardwareError that keeps the password to itself."""
    limits = {"open_timeout_s": 1.0, "read_timeout_s": 1.0, **options}
    source = RtspSource("yard", RtspSource.Options(url=url, **limits), SystemClock())
    came, decoder = 0, None
    try:
        for packet in source.packets():
            came += 1
            decoder = decoder or Decoder(packet.stream)
            decoder.decode(packet)
            if came == packets:
                break
    except HardwareError as error:
        assert "geheim" not in str(error)
    finally:
        source.close()
    return came


DESCRIPTIONS = {
    "a name in Latin-1": SDP.replace(b"s=x", b"s=Cam\xe9ra"),
    "a name that is a forged line": SDP.replace(b"s=x", b"s=x\rforged"),
    "nothing": b"",
    "a codec nobody knows": SDP.replace(b"H264", b"NONSENSE"),
    "parameter sets of nonsense": SDP.replace(b"Z0IAH5WoFAFuQA==,aM48gA==", b"Z" * 5000),
    "a thousand pictures": b"v=0\r\ns=x\r\n" + b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t1\r\n" * 1000,
    "sound alone": SDP.replace(b"m=video", b"m=audio"),
    "bytes": bytes(range(256)) * 20,
}


@pytest.mark.parametrize("what", DESCRIPTIONS)
def test_a_description_with_is_at_worst_this_cameras_failure(what: str) -> None:
    with camera(DESCRIPTIONS[what]) as url:
        assert watch(url) == 0


def test_a_description_of_two_gigabytes_is_not_read() -> None:
    def answer(method: bytes, ok: bytes, connection: socket.socket) -> bool:
        if method != b"DESCRIBE":
            return False
        connection.sendall(ok + b"Content-Type: application/sdp\r\nContent-Length: 2000000000\r\n\r\n")
        for _ in range(2000):
            connection.sendall(b"a=x:y\r\n" * 100_000)
        return True

    with camera(answer=answer) as url, at_most_mib(150):
        assert watch(url) == 0


@pytest.mark.parametrize("line", [b"X-Endless: ", b""], ids=["one", "many"])
def test_head_lines_without_end_end_by_time(line: bytes) -> None:
    def answer(_method: bytes, ok: bytes, connection: socket.socket) -> bool:
        connection.sendall(ok + line)
        for _ in range(4000):
            connection.sendall(b"y" * 65_536 if line else b"X: y\r\n" * 10_000)
        return True

    with camera(answer=answer) as url, at_most_mib(100):
        assert watch(url, open_timeout_s=1, read_timeout_s=1) == 0


def test_a_picture_that_never_ends_does_not_take_all_memory() -> None:
    """Fragments of one picture, on and on, as fast as they are taken."""

    def play(connection: socket.socket) -> None:
        for number in range(1, 60_000):  # 3.6 GB
            connection.sendall(rtp(number, b"\x7c" + (b"\x85" if number == 1 else b"\x05") + b"\x55" * 60_000))

    with camera(play=play) as url, at_most_mib(900):
        watch(url, open_timeout_s=8, read_timeout_s=6)


def rubbish(seed: int) -> Play:
    def play(connection: socket.socket) -> None:
        rng = random.Random(seed)
        for number in range(3000):
            kind = rng.choice([b"\x65", b"\x67", b"\x68", b"\x41", b"\x7c\x85", b"\x7c\x05", b"\x7c\x45", b"\x18", b"\x78", b""])
            packet = rtp(number, kind + rng.randbytes(rng.choice([0, 1, 20, 1400])))
            connection.sendall(packet if rng.random() < 0.95 else rng.randbytes(100))
        connection.shutdown(socket.SHUT_RDWR)

    return play


@pytest.mark.parametrize("seed", range(6))
def test_rubbish_in_packets_is_at_worst_this_cameras_failure(seed: int) -> None:
    with camera(play=rubbish(seed)) as url, at_most_mib(300):
        watch(url, packets=10_000)


@pytest.mark.parametrize("location", [b"file:///etc/passwd", b"http://127.0.0.1:1/x", b"rtsp://127.0.0.1:1/x", b"concat:/etc/passwd"])
def test_a_camera_that_sends_us_elsewhere_has_failed(location: bytes) -> None:
    def answer(method: bytes, ok: bytes, connection: socket.socket) -> bool:
        if method == b"DESCRIBE":
            connection.sendall(ok.replace(b"200 OK", b"302 Found") + b"Location: " + location + b"\r\nContent-Length: 0\r\n\r\n")
        return method == b"DESCRIBE"

    with camera(answer=answer) as url:
        assert watch(url) == 0
