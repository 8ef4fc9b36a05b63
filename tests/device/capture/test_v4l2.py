"""V4L2: what is asked of a device and what is said when it fails; the raw path with FFmpeg's own rendered device."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from av.container import InputContainer

from contracts.errors import HardwareError, Unplugged
from device.capture.decoder import Decoder
from device.capture.demux import Demux
from device.capture.device_id import DeviceId
from device.capture.live import LiveReader
from device.capture.local import LocalCamera
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
        (errno.ENODEV, "is not there; plug the camera in"),
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


def test_a_camera_is_named_by_its_id_or_by_a_device_file_not_by_both() -> None:
    with pytest.raises(ValueError, match="keep device"):
        V4l2Source.Options(device="usb:046d:0892:A1", path=Path("/dev/video0"))
    with pytest.raises(ValueError, match="vedette cameras"):
        V4l2Source.Options(device="/dev/video0")


def test_what_fails_of_a_camera_that_has_gone_meanwhile_is_said_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [LocalCamera("usb:046d:0892:A1", "C920", Path("/dev/video0"), DeviceId("046d", "0892", "A1", "hub-1"))]

    def opened(path: str, mode: str, **_: object) -> InputContainer:
        there.clear()
        raise av.error.OSError(errno.EIO, "Input/output error", path)

    monkeypatch.setattr("device.capture.v4l2.av.open", opened)
    one = V4l2Source("desk", V4l2Source.Options(device="usb:046d:0892:A1"), CLOCK, lambda: list(there))
    with pytest.raises(Unplugged, match=r"usb:046d:0892:A1 is not plugged in; plug it in, .* cameras\.desk\.device"):
        list(one.packets())


def test_spoilt_and_short_raw_pictures_are_counted_and_the_next_ones_come() -> None:
    """What V4L2 gives for a buffer with an error: nothing, with a time; for one cut short: less than a picture."""
    with av.open("testsrc2=size=64x48:rate=25,format=gray,trim=end_frame=6", "r", format="lavfi") as container:
        demux = Demux("desk", container)
        context = av.CodecContext.create("rawvideo", "r")
        context.width, context.height, context.pix_fmt = 64, 48, "gray"
        demux._context = context

        def packets() -> Iterator[av.Packet]:
            for number, length in enumerate([64 * 48, 0, 64 * 48, 100, 64 * 48]):
                packet = av.Packet(bytes(length))
                packet.pts, packet.time_base = number, container.streams.video[0].time_base
                yield packet

        demux._packets = packets  # type: ignore[method-assign, assignment]
        units = [unit for _, unit in demux.units()]
    assert (len(units), demux.lost) == (3, {"damaged": 2})


def test_a_size_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="WIDTHxHEIGHT"):
        V4l2Source.Options(size="big")


def test_automatic_tries_what_needs_least_of_the_bus_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []
    device = tmp_path / "video0"
    device.touch()

    def opened(path: str, mode: str, *, format: str, options: dict[str, str], timeout: object) -> InputContainer:
        asked.append(options.get("input_format", "own"))
        raise av.error.ArgumentError(errno.EINVAL, "Invalid argument", path)

    monkeypatch.setattr("device.capture.v4l2.av.open", opened)
    with pytest.raises(HardwareError, match="does not give what is asked"):
        list(source(str(device)).packets())
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
