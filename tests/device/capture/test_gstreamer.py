"""GStreamer pipelines, run by the real gst-launch-1.0: encoded, raw, wrong and hanging ones."""

from __future__ import annotations

import itertools
import os
import shutil
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from contracts.errors import HardwareError
from device.capture.camera import Capture
from device.capture.decoder import Decoder
from device.capture.gstreamer import GstreamerSource
from tests.device.capture.fakes import CLOCK, MS, SECOND, Rig

pytestmark = pytest.mark.skipif(shutil.which("gst-launch-1.0") is None, reason="gst-launch-1.0 is not installed")
PICTURES = "videotestsrc is-live=true num-buffers={n} ! video/x-raw,width=320,height=240,framerate=25/1"


def source(pipeline: str, **options: float) -> GstreamerSource:
    return GstreamerSource("left", GstreamerSource.Options(pipeline=pipeline, **options), CLOCK)


@pytest.mark.parametrize(
    ("tail", "codec"),
    [
        ("! x264enc tune=zerolatency key-int-max=10 ! h264parse", "h264"),
        ("! jpegenc", "mjpeg"),
        ("! videoconvert ! video/x-raw,format=I420", "h264"),
        ("! videoconvert ! video/x-raw,format=YUY2", "h264"),
    ],
)
def test_pictures_of_a_pipeline_come_as_packets_that_decode(tail: str, codec: str) -> None:
    one = source(f"{PICTURES.format(n=30)} {tail}")
    packets = []
    with pytest.raises(HardwareError, match="the stream ended"):
        for packet in one.packets():
            packets.append(packet)
    assert len(packets) >= 28
    stream = packets[0].stream
    assert (stream.codec, stream.width, stream.height) == (codec, 320, 240)
    decoder = Decoder(stream)
    frames = [f for p in packets for f in decoder.decode(p)]
    assert len(frames) >= 28
    steps = {b.pts_ns - a.pts_ns for a, b in itertools.pairwise(packets)}
    assert all(30 * MS < step < 50 * MS for step in steps)
    assert frames[0].planes.bgr().std() > 20


def test_pictures_come_when_they_are_made_and_not_in_heaps() -> None:
    one = source(f"{PICTURES.format(n=100)} ! x264enc tune=zerolatency key-int-max=25 ! h264parse")
    late = []
    for packet in one.packets():
        late.append(CLOCK.mono_ns() - packet.mono_ns)
        if packet.seq == 50:
            one.close()
            break
    assert sorted(late)[len(late) // 2] < 120 * MS


def test_a_wrong_pipeline_says_what_gstreamer_says_without_its_passwords() -> None:
    one = source("rtspsrc location=rtsp://owner:hush@127.0.0.1:9/x user-pw=hush ! nosuchelement")
    with pytest.raises(HardwareError, match="nosuchelement") as caught:
        list(one.packets())
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_pipeline_is_no_shell(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    one = source(f"videotestsrc num-buffers=1 ! fakevideo ; touch {victim} $(touch {victim})")
    with pytest.raises(HardwareError):
        list(one.packets())
    assert not victim.exists()


def test_closing_ends_the_program_at_once() -> None:
    rig = Rig()
    one = source(f"{PICTURES.format(n=-1)} ! jpegenc")
    capture = Capture(one, rig.ring, board=rig.board, tally=rig.tally, clock=CLOCK)
    reader = rig.ring.reader()
    worker = threading.Thread(target=capture.run, args=(lambda: None,))
    worker.start()
    reader.get(20)
    program = one._program
    assert program is not None
    before = CLOCK.mono_ns()
    capture.stop()
    worker.join(5)
    assert not worker.is_alive()
    assert CLOCK.mono_ns() - before < 2 * SECOND
    assert program.wait(5) != 0
    assert len(os.listdir("/proc/self/task")) < 60  # noqa: PTH208 - threads of this process


def test_a_pipeline_that_gives_nothing_counts_as_failed() -> None:
    one = source("videotestsrc is-live=true ! video/x-raw,framerate=1/100 ! jpegenc", silence_s=1)
    with pytest.raises(HardwareError, match="nothing came for 1 s"):
        list(one.packets())


def test_the_program_itself_is_told_nothing() -> None:
    """`--gst-plugin-load=FILE` would run what is in the file."""
    with pytest.raises(ValidationError, match="take out --gst-plugin-load=/x"):
        GstreamerSource.Options(pipeline="--gst-plugin-load=/x.so videotestsrc")


@pytest.mark.parametrize("pipeline", ["", "videotestsrc ! fakesink", "videotestsrc !"])
def test_a_pipeline_with_its_own_sink_or_without_an_end_is_refused(pipeline: str) -> None:
    with pytest.raises(ValidationError, match="without a sink"):
        GstreamerSource.Options(pipeline=pipeline)
