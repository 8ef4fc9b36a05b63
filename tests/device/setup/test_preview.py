"""A camera that is tried is let go after a time, after some bytes, and when nobody looks."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from contracts.errors import HardwareError
from device.pipeline.packets import Packet
from device.setup import preview
from device.setup.preview import Preview
from tests.device.web.footage import packets

WAIT_S = 30


class Time:
    def __init__(self) -> None:
        self.ns = 0

    def mono_ns(self) -> int:
        return self.ns

    def wall_ns(self) -> int:
        return self.ns

    def state(self) -> str:
        return "ntp"


class Camera:
    """Gives the same packets for ever; between two of them `each` happens."""

    camera, live = "yard", True

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault, self.closed, self.given = fault, threading.Event(), 0
        self.each = lambda: None

    def packets(self) -> Iterator[Packet]:
        if self.fault:
            raise self.fault
        loop = packets("yard", 0, 0)
        while not self.closed.is_set():
            for packet in loop:
                self.each()
                self.given += len(packet.data)
                yield packet

    def close(self) -> None:
        self.closed.set()


def opened(camera: Camera, time: Time) -> Preview:
    return Preview(camera, time)  # type: ignore[arg-type]  # a camera and a clock of its own


def test_its_picture_is_shown_and_closing_lets_it_go() -> None:
    camera = Camera()
    seen = opened(camera, Time())
    stream = seen.first(WAIT_S)
    assert (stream.codec, stream.width) == ("h264", 640)
    assert (seen.picture() or b"").startswith(b"\xff\xd8")
    seen.close()
    assert camera.closed.is_set() and seen.over


@pytest.mark.parametrize(("step_s", "looked_at"), [(preview.UNWATCHED_S / 4, False), (preview.UNWATCHED_S / 4, True)])
def test_nobody_looks_or_it_lasts_too_long(step_s: float, looked_at: bool) -> None:
    time, camera = Time(), Camera()
    seen = opened(camera, time)
    seen.first(WAIT_S)
    shown = 0

    def each() -> None:
        nonlocal shown
        time.ns += int(step_s * 1e9)
        if looked_at:
            shown += seen.picture() is not None

    camera.each = each
    assert camera.closed.wait(WAIT_S)
    lasted_s = time.ns / 1e9
    assert (lasted_s > preview.UNWATCHED_S) and (lasted_s > preview.LONGEST_S) is looked_at and lasted_s < preview.LONGEST_S + 3 * step_s


def test_so_many_bytes_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "MOST_BYTES", 50_000)
    camera = Camera()
    opened(camera, Time())
    assert camera.closed.wait(WAIT_S) and 50_000 <= camera.given < 200_000


def test_why_there_is_no_picture_is_said_without_what_is_secret() -> None:
    for fault in (HardwareError("camera yard: is busy; stop it"), ValueError("rtsp://joe:s3cret@host broke")):
        with pytest.raises(HardwareError) as refused:
            opened(Camera(fault), Time()).first(WAIT_S)
        assert "s3cret" not in str(refused.value) and ";" in str(refused.value)
