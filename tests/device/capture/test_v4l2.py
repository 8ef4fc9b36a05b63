"""V4L2: what is asked of a device and what is said when it fails; the raw path with FFmpeg's own rendered device."""

from __future__ import annotations

import errno
import itertools
from pathlib import Path

import av
import pytest
from av.container import InputContainer

from contracts.errors import HardwareError
from device.capture.decoder import Decoder
from device.capture.live import LiveReader
from device.capture.v4l2 import V4l2Source
from tests.device.capture.fakes import CLOCK, MS


def source(path: str = "/dev/video0", **options: object) -> V4l2Source:
    return V4l2Source("desk", V4l2Source.Options(path=Path(path), **options), CLOCK)  # type: ignore[arg-type]


def test_a_device_that_is_not_there_is_said_with_a_mend() -> None:
    with pytest.raises(HardwareError, match=r"camera desk: /dev/video77 is not there; plug the camera in or change cameras\.desk\.path"):
        list(source("/dev/video77").packets())


def test_a_device_that_is_no_camera_is_said_with_a_mend() -> None:
    with pytest.raises(HardwareError, match="is no camera"):
        list(source("/dev/null").packets())


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EBUSY, "is busy; stop the program that holds it"),
        (errno.EACCES, "add the user to the group video"),
        (errno.ENODEV, "has gone; plug the camera in again"),
        (errno.EINVAL, "does not give what is asked"),
        (errno.EIO, "see its cable"),
        (errno.EPROTO, "failed"),
    ],
)
def test_every_failure_names_the_device_and_a_mend(number: int, words: str) -> None:
    message = str(source()._explain(OSError(number, "reason")))
    assert message.startswith("camera desk: /dev/video0 ") and words in message and ";" in message


def test_what_is_asked_of_the_device_follows_the_options() -> None:
    one = source(size="1280x720", fps=29.97)
    assert one.request("mjpeg") == {"input_format": "mjpeg", "video_size": "1280x720", "framerate": "29.97"}
    assert one.request("") == {"video_size": "1280x720", "framerate": "29.97"}
    assert source().request("yuyv422") == {"pixel_format": "yuyv422", "input_format": "yuyv422"}


def test_a_size_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="WIDTHxHEIGHT"):
        V4l2Source.Options(size="big")


def test_automatic_tries_what_needs_least_of_the_bus_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def opened(path: str, mode: str, *, format: str, options: dict[str, str], timeout: object) -> InputContainer:
        asked.append(options.get("input_format", "own"))
        raise av.error.ArgumentError(errno.EINVAL, "Invalid argument", path)

    monkeypatch.setattr("device.capture.v4l2.av.open", opened)
    with pytest.raises(HardwareError, match="does not give what is asked"):
        list(source().packets())
    assert asked == ["mjpeg", "h264", "own"]


@pytest.mark.parametrize("pixels", ["yuyv422", "nv12", "bgr24", "gray"])
def test_raw_pictures_go_through_the_encoder(pixels: str) -> None:
    one = source()

    def rendered() -> InputContainer:
        return av.open(f"testsrc2=size=320x240:rate=25,format={pixels},realtime", "r", format="lavfi")

    reader = LiveReader("desk", CLOCK, rendered, one._explain, silence_s=10)
    packets = list(itertools.islice(reader.packets(), 40))
    reader.close()
    stream = packets[0].stream
    assert (stream.codec, stream.width, stream.height) == ("h264", 320, 240)
    assert [p.seq for p in packets if p.key] == [0, 25]
    assert {b.pts_ns - a.pts_ns for a, b in itertools.pairwise(packets)} == {40 * MS}
    decoder = Decoder(stream)
    frames = [f for p in packets for f in decoder.decode(p)]
    assert len(frames) == 40
    assert frames[0].planes.bgr().std() > 30
