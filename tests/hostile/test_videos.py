"""Recordings with wrong bytes in them, from a stick or from a dying disk: a refusal or fewer pictures, never the end of the box."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from contracts.errors import VedetteError
from device.capture.decoder import Decoder
from device.capture.file import FileSource
from device.clock import SystemClock
from device.pipeline.mux import Muxer
from device.record.recover import recover
from device.web.fragments import FragmentStream
from tests.device.record.footage import footage
from tests.memory import at_most_mib
from tests.scenarios.stage import ROOT

KINDS = {
    "a.mkv": ("libx264", {}),
    "a.mp4": ("libx264", {}),
    "b.mp4": ("libx264", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
    "a.avi": ("mjpeg", {}),
    "b.avi": ("mpeg4", {}),
    "a.ts": ("libx264", {}),
    "a.flv": ("libx264", {}),
}
WORDS = [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1"]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A short video of each kind."""
    folder = tmp_path_factory.mktemp("good")
    return {name: _made(folder / name, codec, options) for name, (codec, options) in KINDS.items()}


def _made(path: Path, codec: str, options: dict[str, str]) -> bytes:
    with av.open(str(path), "w", options=options) as out:
        stream = out.add_stream(codec, rate=10, options={"preset": "ultrafast", "bf": "1", "g": "5"} if codec == "libx264" else {})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        out.metadata["creation_time"] = "2026-01-02T03:04:05Z"
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 10, np.uint8), format="rgb24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path.read_bytes()


@st.composite
def damage(draw: st.DrawFn) -> list[tuple[float, int, bytes]]:
    """Where (a share of the file, most of it in the head), how many bytes go, and what comes in their place."""
    where = st.one_of(st.floats(0, 1), st.floats(0, 0.1))
    instead = st.one_of(st.binary(max_size=8), st.sampled_from(WORDS))
    return draw(st.lists(st.tuples(where, st.integers(0, 8), instead), min_size=1, max_size=8))


def damaged(data: bytes, wounds: list[tuple[float, int, bytes]]) -> bytes:
    spoilt = bytearray(data)
    for where, gone, instead in wounds:
        at = int(where * len(spoilt))
        spoilt[at : at + gone] = instead
    return bytes(spoilt)


def played(path: Path) -> int:
    """All that capture, decoding and the page do with it; the number of pictures."""
    source = FileSource("yard", FileSource.Options(path=path), SystemClock())
    fragments, decoder, stream, pictures = FragmentStream(0), None, None, 0
    for number, packet in enumerate(source.packets()):
        if decoder is None or packet.stream != stream:
            decoder, stream = Decoder(packet.stream), packet.stream
        pictures += sum(frame.planes.luma(64).size > 0 for frame in decoder.decode(packet))
        fragments.push(packet)
        if number > 400:
            break
    return pictures + (len(decoder.flush()) if decoder else 0)


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(name=st.sampled_from(sorted(KINDS)), wounds=damage(), cut=st.one_of(st.just(1.0), st.floats(0, 1)))
def test_a_damaged_recording_is_played_as_far_as_it_goes(
    tmp_path: Path, good: dict[str, bytes], name: str, wounds: list[tuple[float, int, bytes]], cut: float
) -> None:
    path = tmp_path / name
    spoilt = damaged(good[name], wounds)
    path.write_bytes(spoilt[: int(cut * len(spoilt))])
    with at_most_mib(400), suppress(VedetteError):
        played(path)


@contextmanager
def data_with(folder: Path, name: str, content: bytes) -> Iterator[Path]:
    clip = folder / "data" / "clips" / "yard" / "2026-01-02" / name
    clip.parent.mkdir(parents=True, exist_ok=True)
    clip.write_bytes(content)
    yield folder / "data"
    for path in (folder / "data").rglob("*.*"):
        if path.is_file():
            path.unlink()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(name=st.sampled_from(["a.mkv", "a.mp4", "b.mp4"]), wounds=damage(), part=st.booleans())
@example(name="a.mp4", wounds=[(0.0, 4, b"\x00\x01\x00\x00")], part=True)  # a first box that claims to be all there is
def test_a_damaged_clip_never_keeps_the_box_from_starting(
    tmp_path: Path, good: dict[str, bytes], name: str, wounds: list[tuple[float, int, bytes]], part: bool
) -> None:
    """And nothing of it is lost: it is a clip, or lies in salvage, or waits where it was."""
    clip = f"030405.000Z-0123abcd{Path(name).suffix}{'.part' if part else ''}"
    with data_with(tmp_path, clip, damaged(good[name], wounds)) as data:
        recover(data)
        left = [path for path in data.rglob("*.*") if path.is_file() and path.suffix in {".mp4", ".mkv", ".part"}]
        assert len(left) == 1


def test_a_title_that_is_not_text_takes_no_clip_away(tmp_path: Path, good: dict[str, bytes]) -> None:
    assert b"Lavf" in good["a.mp4"]
    with data_with(tmp_path, "030405.000Z-0123abcd.mp4.part", good["a.mp4"].replace(b"Lavf", b"\xe9\xff\xfe\x80")) as data:
        found = recover(data)
        assert [clip.frames for clip in found.clips] == [20]


def test_a_recording_with_a_title_that_is_not_text_is_played(tmp_path: Path, good: dict[str, bytes]) -> None:
    path = tmp_path / "a.mkv"
    path.write_bytes(good["a.mkv"].replace(b"Lavf", b"\xe9\xff\xfe\x80"))
    assert played(path) == 20


CHILD = """
from dataclasses import replace
from io import BytesIO
from contextlib import suppress
from contracts.errors import HardwareError
from device.pipeline import mux
from tests.device.record.footage import footage
mux.MOST_REORDER_US = 1 << 62
first = footage()[0]
muxer = mux.Muxer(BytesIO(), first)
with suppress(HardwareError):
    muxer.write(replace(first, pts_ns=first.pts_ns + 3_000_000_000_000))
    raise SystemExit("it was taken")
muxer.close()
print("closed")
"""


def test_a_clip_whose_first_picture_ffmpeg_refuses_is_closed_without_a_crash() -> None:
    """In a process of its own: it was a segmentation fault."""
    done = subprocess.run([sys.executable, "-c", CHILD], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "closed\n"), done.stderr[-500:]


def test_a_picture_to_be_shown_an_hour_after_it_is_decoded_is_kept_with_a_time_that_fits() -> None:
    packets = footage()
    out = BytesIO()
    muxer = Muxer(out, packets[0])
    for number, packet in enumerate(packets):
        muxer.write(replace(packet, pts_ns=packet.pts_ns + 3_600_000_000_000) if number in {0, 40} else packet)
    muxer.close()
    with av.open(BytesIO(out.getvalue())) as video:
        assert sum(packet.size > 0 for packet in video.demux(video=0)) == len(packets)
