"""Memory: a long recording takes no more of it than a short one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from device.batch.index import Index, unit_of
from device.batch.work import Look
from device.capture.file import FileSource
from tests.device.batch.films import CLOCK
from tests.memory import at_most_mib

NOISE = 20  # pictures that compress badly, again and again
TIMES = 150
ROOM_MIB = 48


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes, a third of a gigabyte: several times the room."""
    path = tmp_path_factory.mktemp("long") / "long.mkv"
    packets = noise()
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=5)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuvj420p"
        for number in range(NOISE * TIMES):
            packet: av.Packet[Any] = av.Packet(packets[number % NOISE])
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 5), True
            packet.pts = packet.dts = number
            out.mux(packet)
    assert path.stat().st_size > 4 * ROOM_MIB << 20
    return path


def noise() -> list[bytes]:
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 640, 360, "yuvj420p", Fraction(1, 5)
    encoder.options = {"qmin": "2", "qmax": "2", "huffman": "default"}
    rng = np.random.default_rng(3)
    made = []
    for number in range(NOISE):
        frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (360, 640, 3), np.uint8), format="rgb24").reformat(format="yuvj420p")
        frame.pts = number
        made += [bytes(packet) for packet in encoder.encode(frame)]
    return made


def test_the_pass_over_a_recording_keeps_none_of_it(long: Path) -> None:
    source = FileSource("file", FileSource.Options(path=long), CLOCK)
    index = Index(source, 1, 60, None)
    with at_most_mib(ROOM_MIB):
        parts = [len(rows) for _, rows in index.segments()]
    assert sum(parts) >= NOISE * TIMES and len(parts) == 10


def test_a_unit_is_looked_at_without_keeping_its_pictures(long: Path) -> None:
    source = FileSource("file", FileSource.Options(path=long), CLOCK)
    index = Index(source, 1, 120, None)
    segment, rows = next(index.segments())
    unit = unit_of(segment, rows, source, "0" * 64, index.facts, 1)
    assert int(unit.rows["size"].sum()) > ROOM_MIB << 20
    with at_most_mib(ROOM_MIB // 2):
        answer = Look(unit, {}, CLOCK).run()
    assert answer.count(b"\n") == 2 + 120
