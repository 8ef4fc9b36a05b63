"""RTSP against a real server: pictures, reconnects, passwords, a network that hangs."""

from __future__ import annotations

import itertools
import logging
import socket
import subprocess
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from contracts.errors import HardwareError
from device.capture.camera import Capture
from device.capture.decoder import Decoder
from device.capture.rtsp import RtspSource
from device.pipeline.packets import Packet
from device.pipeline.ring import PacketRing
from tests.device.capture.fakes import CLOCK, MS, SECOND, Rig, even, film, number_in

PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("rtsp_server.py")


def servable() -> bool:
    probe = "import gi; gi.require_version('GstRtspServer', '1.0')"
    try:
        return subprocess.run([PYTHON, "-c", probe], capture_output=True, timeout=30, check=False).returncode == 0
    except OSError:
        return False


pytestmark = [pytest.mark.rtsp, pytest.mark.skipif(not servable(), reason="the system's Python has no GstRtspServer")]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(port: int, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [PYTHON, str(SERVER), str(port), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None and server.stdout.readline() == "ready\n"
            yield server
        finally:
            server.kill()


def source(port: int, path: str = "live", **options: object) -> RtspSource:
    return RtspSource("gate", RtspSource.Options(url=f"rtsp://127.0.0.1:{port}/{path}", **options), CLOCK)  # type: ignore[arg-type]


def some(one: RtspSource, count: int) -> list[Packet]:
    packets = list(itertools.islice(one.packets(), count))
    one.close()
    return packets


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_pictures_of_a_camera_come_in_step_and_decode(transport: str) -> None:
    port = free_port()
    with serving(port):
        packets = some(source(port, transport=transport), 60)
    assert packets[0].key and packets[0].pts_ns == 0
    assert packets[0].stream.extradata.startswith(b"\x00\x00\x00\x01")
    assert (packets[0].stream.codec, packets[0].stream.width, packets[0].stream.height) == ("h264", 320, 240)
    steps = [b.pts_ns - a.pts_ns for a, b in itertools.pairwise(packets)]
    assert all(20 * MS < step < 70 * MS for step in steps)
    captures = [p.mono_ns - p.pts_ns for p in packets[20:]]
    assert max(captures) - min(captures) < 60 * MS
    decoder = Decoder(packets[0].stream)
    assert len([f for p in packets for f in decoder.decode(p)]) >= 58


def test_every_picture_of_a_film_arrives(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mkv", even(75))
    port = free_port()
    packets: list[Packet] = []
    with serving(port, str(path)):
        one = source(port, "file", read_timeout_s=2)
        with pytest.raises(HardwareError):
            for packet in one.packets():
                packets.append(packet)
    decoder = Decoder(packets[0].stream)
    numbers = [number_in(f) for p in packets for f in decoder.decode(p)]
    assert numbers == list(range(numbers[0] or 0, 75))
    assert len(numbers) >= 50


def test_a_server_that_is_killed_and_comes_back_is_found_again_and_time_never_steps_back() -> None:
    port = free_port()
    rig = Rig(PacketRing(120))
    one = source(port, read_timeout_s=2, open_timeout_s=2)
    capture = Capture(one, rig.ring, board=rig.board, tally=rig.tally, clock=CLOCK, chance=lambda: 0.0)
    reader = rig.ring.reader()
    worker = threading.Thread(target=capture.run, args=(lambda: None,))
    packets: list[Packet] = []

    def read(count: int) -> None:
        for _ in range(count):
            packets.append(reader.get(30))

    with serving(port):
        worker.start()
        read(30)
    last = packets[-1].stream.epoch
    retrying = threading.Event()
    while not retrying.is_set():  # the board has no event to wait for: each failed try shows there
        try:
            packets.append(reader.get(0.2))
        except TimeoutError:
            if rig.board.cameras()["gate"].state == "retrying":
                retrying.set()
    assert "camera gate" in rig.board.cameras()["gate"].reason
    with serving(port):
        while packets[-1].stream.epoch == last:
            packets.append(reader.get(30))
        read(30)
        assert rig.board.cameras()["gate"].state == "online"
        capture.stop()
        worker.join(5)
    assert not worker.is_alive()
    pts = [p.pts_ns for p in packets]
    assert pts == sorted(set(pts))
    assert [p.seq for p in packets] == list(range(packets[0].seq, packets[0].seq + len(packets)))
    first = next(p for p in packets if p.stream.epoch > last)
    assert first.key
    before = packets[packets.index(first) - 1]
    assert abs((first.pts_ns - before.pts_ns) - (first.mono_ns - before.mono_ns)) < SECOND
    assert rig.tally.get("gate", "reconnects") >= 1


def test_a_password_is_in_no_message_and_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    rig = Rig()
    with serving(port, "--guard"), caplog.at_level(logging.DEBUG):
        wrong = RtspSource("gate", RtspSource.Options(url=f"rtsp://owner:sesame@127.0.0.1:{port}/secret"), CLOCK)
        with pytest.raises(HardwareError, match=r"refuses user or password; correct them in cameras\.gate\.url") as caught:
            some(wrong, 1)
        right = RtspSource("gate", RtspSource.Options(url=f"rtsp://owner:hush@127.0.0.1:{port}/secret"), CLOCK)
        capture = Capture(right, rig.ring, board=rig.board, tally=rig.tally, clock=CLOCK)
        reader = rig.ring.reader()
        worker = threading.Thread(target=capture.run, args=(lambda: None,))
        worker.start()
        assert reader.get(20).key
        capture.stop()
        worker.join(5)
    text = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(wrong)
    assert "sesame" not in text and "hush" not in text


@pytest.mark.parametrize(("path", "words"), [("nothing", "no stream of that name"), ("live", "refuses connections")])
def test_what_is_wrong_is_said_in_words(path: str, words: str) -> None:
    port = free_port()
    if path == "live":
        with pytest.raises(HardwareError, match=words):
            some(source(port, path), 1)
        return
    with serving(port), pytest.raises(HardwareError, match=words):
        some(source(port, path), 1)


@pytest.mark.parametrize("answers", [False, True])
def test_a_camera_that_hangs_counts_as_failed_in_time_and_does_not_hold_up_a_stop(answers: bool) -> None:
    """A port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        if answers:
            with pytest.raises(HardwareError, match="gate"):
                some(source(port, open_timeout_s=1, read_timeout_s=1), 1)
            return
        rig = Rig()
        capture = Capture(source(port), rig.ring, board=rig.board, tally=rig.tally, clock=CLOCK)
        worker = threading.Thread(target=capture.run, args=(lambda: None,))
        worker.start()
        connection, _ = deaf.accept()
        before = CLOCK.mono_ns()
        capture.stop()
        worker.join(5)
        assert not worker.is_alive()
        assert CLOCK.mono_ns() - before < 2 * SECOND
        connection.close()


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="begins with rtsp"):
        RtspSource.Options(url="http://cam/")
