"""Pictures and streams that claim to be larger than any memory, in few bytes: refused before memory is taken for them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import HardwareError
from device.capture.decoder import Decoder
from device.capture.file import FileSource
from device.capture.folder import FolderSource
from device.clock import SystemClock
from device.pipeline.packets import Packet, StreamInfo
from tests.memory import at_most_mib
from vision.picture_size import picture_size
from vision.planes import MAX_PIXELS, read_picture

SIDE = 30_000  # 900 million pixels, 2.7 GB
LEAST_MIB = 300  # what decoding one of these would take at the very least


def png(side: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes((1 + side) * 1000)) for _ in range(side // 1000)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def big_jpeg() -> bytes:
    data = bytearray(cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 65_000, 65_000)
    return bytes(data)


@pytest.mark.parametrize("make", [lambda: png(SIDE), big_jpeg], ids=["png", "jpeg"])
def test_a_picture_bomb_is_refused_by_what_its_head_says(make: Callable[[], bytes]) -> None:
    data = make()
    with at_most_mib(LEAST_MIB), pytest.raises(HardwareError, match=f"at most {MAX_PIXELS} pixels"):
        read_picture(data, "golden/a")


@pytest.mark.parametrize("ending", [".bmp", ".webp", ".tiff"])
def test_a_kind_of_picture_whose_size_nobody_reads_here_is_refused(ending: str) -> None:
    data = cv2.imencode(ending, np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    with pytest.raises(HardwareError, match="replace the file by a PNG or JPEG"):
        read_picture(data, f"a{ending}")


@given(width=st.integers(1, 300), height=st.integers(1, 300), ending=st.sampled_from([".png", ".jpg"]), progressive=st.booleans())
def test_the_size_said_is_the_size_decoded(width: int, height: int, ending: str, progressive: bool) -> None:
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)] if ending == ".jpg" else []
    data = cv2.imencode(ending, np.zeros((height, width, 3), np.uint8), options)[1].tobytes()
    assert picture_size(data) == (width, height)


HEADS = [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"]


@given(st.binary(max_size=200), st.sampled_from(HEADS))
def test_any_head_is_a_size_or_none(data: bytes, before: bytes) -> None:
    size = picture_size(before + data)
    assert size is None or (len(size) == 2 and min(size) >= 0)


def still(codec: str, data: bytes) -> Packet:
    stream = StreamInfo("yard", codec, 0, 0, b"", "gray", Fraction(1), 0)
    return Packet(stream, 0, 0, 0, 0, True, data, 0, 0)


@pytest.mark.parametrize(("codec", "make"), [("png", lambda: png(SIDE)), ("mjpeg", big_jpeg)])
def test_a_cameras_picture_bomb_is_a_broken_packet(codec: str, make: Callable[[], bytes]) -> None:
    packet = still(codec, make())
    decoder = Decoder(packet.stream)
    with at_most_mib(LEAST_MIB):
        assert decoder.still(packet) is None
    assert decoder.broken == 1


def test_a_folders_picture_bomb_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(SIDE))
    (tmp_path / "b.jpg").write_bytes(big_jpeg())
    (tmp_path / "c.png").write_bytes(png(1000))
    source = FolderSource("yard", FolderSource.Options(path=tmp_path), SystemClock())
    with at_most_mib(LEAST_MIB):
        seen = [packet.stream.width for packet in source.packets() if Decoder(packet.stream).still(packet)]
    assert seen == [1000]


def test_a_video_of_pictures_larger_than_8k_is_opened_and_never_decoded(tmp_path: Path) -> None:
    """A few kilobytes of H.264 that would be a gigabyte in a decoder."""
    path = tmp_path / "big.mkv"
    with av.open(str(path), "w") as out:
        parameters = "ref=1:bframes=0:rc-lookahead=0:sync-lookahead=0:threads=1:lookahead-threads=1"
        stream = out.add_stream("libx264", rate=5, options={"preset": "ultrafast", "x264-params": parameters})
        stream.width, stream.height, stream.pix_fmt = 8192, 8192, "yuv420p"
        frame = av.VideoFrame(8192, 8192, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        for number in range(2):
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    decoder, widths = None, set()
    with at_most_mib(60):  # one picture is 96
        for packet in FileSource("yard", FileSource.Options(path=path), SystemClock()).packets():
            decoder = decoder or Decoder(packet.stream)
            widths.add(packet.stream.width)
            assert not decoder.decode(packet)
    assert decoder is not None
    assert decoder.broken
    assert widths == {8192}


@pytest.mark.parametrize("name", ["tcp:127.0.0.1:9", "http:/127.0.0.1/a.mkv", "concat:a.mkv|b.mkv", "data:,x", "pipe:0", "%d.mkv"])
def test_a_files_name_is_never_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """On a memory stick anything may be a name."""
    monkeypatch.chdir(tmp_path)
    source = FileSource("yard", FileSource.Options(path=Path(name)), SystemClock())
    with pytest.raises(Exception, match="does not exist") as refused:
        next(source.packets())
    assert type(refused.value).__name__ == "ConfigError"
