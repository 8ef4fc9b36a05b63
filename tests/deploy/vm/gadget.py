"""A USB camera made of a program: the kernel's UVC gadget on a bus of its own; it can be plugged in, asked what it is, and pulled out."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path

CONFIG = Path("/sys/kernel/config/usb_gadget")
PLATFORM = Path("/sys/devices/platform")
HOST = PLATFORM / "vhci_hcd.0"
HIGH_SPEED = 3
VIDIOC_DQEVENT, VIDIOC_SUBSCRIBE_EVENT, UVCIOC_SEND_RESPONSE = 0x80885659, 0x4020565A, 0x40405501
FIRST_EVENT = 0x08000000  # of UVC's: connect, disconnect, stream on, stream off, setup, data
SETUP = FIRST_EVENT + 4
GET_LEN, GET_INFO, SET_CUR = 0x85, 0x86, 0x01
STREAMING = 1  # the interface that has probe and commit
STALL = -1
INTERVAL, FRAME_BYTES = 2_000_000, 64 * 48 * 2  # 100 ns
CONTROL = struct.pack("<HBBI5HIIIBBBB", 1, 1, 1, INTERVAL, 0, 0, 0, 0, 0, FRAME_BYTES, 1024, 48_000_000, 0, 0, 0, 0)


class Gadget:
    """One that says of itself: MJPEG, 64x48. It answers what a driver asks when it is plugged in; pictures it has none."""

    def __init__(self, number: int, serial: str) -> None:
        self._place, self._udc = CONFIG / f"cam{number}", f"usbip-vudc.{number}"
        self._number, self._stopping, self._heard = number, threading.Event(), threading.Event()
        make(self._place, serial, number)

    def plug(self) -> None:
        """The wire between the two ends of the bus is a pair of sockets."""
        before = set(nodes())
        (self._place / "UDC").write_text(self._udc)
        (own,) = set(nodes()) - before  # through which this program is the camera
        threading.Thread(target=self._answer, args=(Path("/dev") / own,), daemon=True).start()
        self._heard.wait(60)
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with here, there:
            (PLATFORM / self._udc / "usbip_sockfd").write_text(f"{here.fileno()}\n")
            (HOST / "attach").write_text(f"{self._number} {there.fileno()} {0x10001 + self._number} {HIGH_SPEED}\n")

    def unplug(self) -> None:
        (HOST / "detach").write_text(f"{self._number}\n")
        self._stopping.set()

    def _answer(self, node: Path) -> None:
        """The bus sees it from the moment on that somebody listens."""
        handle = os.open(node, os.O_RDWR | os.O_NONBLOCK)
        for event in range(FIRST_EVENT, FIRST_EVENT + 6):
            ioctl(handle, VIDIOC_SUBSCRIBE_EVENT, struct.pack("<8I", event, *[0] * 7))
        self._heard.set()
        poll = select.poll()
        poll.register(handle, select.POLLPRI)
        while not self._stopping.is_set():
            if poll.poll(200):
                with suppress(OSError):
                    respond(handle)
        os.close(handle)


def respond(handle: int) -> None:
    event = bytearray(136)
    ioctl(handle, VIDIOC_DQEVENT, event)
    (kind,) = struct.unpack_from("<I", event)
    if kind == SETUP:
        length, data = answer(*struct.unpack_from("<BBHHH", event, 8))
        ioctl(handle, UVCIOC_SEND_RESPONSE, struct.pack("<i60s", length, data))


def answer(_kind: int, request: int, _value: int, index: int, length: int) -> tuple[int, bytes]:
    """Of the stream; of lamps, lenses and the like it has none."""
    if index & 0xFF != STREAMING:
        return STALL, b""
    if request == SET_CUR:
        return length, b""
    data = {GET_LEN: len(CONTROL).to_bytes(2, "little"), GET_INFO: b"\x03"}.get(request, CONTROL)[:length]
    return len(data), data


def make(place: Path, serial: str, number: int) -> None:
    """As the kernel's own documentation has it: gadget-testing.rst."""
    said = place / "strings" / "0x409"
    function = place / "functions" / f"uvc.{number}"
    frame = function / "streaming" / "mjpeg" / "m" / "small"
    headers = [function / part / "header" / "h" for part in ("control", "streaming")]
    for folder in (said, place / "configs" / "c.1", function, frame, *headers):
        folder.mkdir(parents=True, exist_ok=True)
    (place / "idVendor").write_text("0x046d")
    (place / "idProduct").write_text("0x0892")
    for name, text in (("serialnumber", serial), ("manufacturer", "Maker"), ("product", "Small camera")):
        if text:
            (said / name).write_text(text)
    for name, value in (("wWidth", 64), ("wHeight", 48), ("dwMaxVideoFrameBufferSize", FRAME_BYTES), ("dwFrameInterval", INTERVAL)):
        (frame / name).write_text(f"{value}\n")
    (function / "streaming" / "header" / "h" / "m").symlink_to(function / "streaming" / "mjpeg" / "m")
    for part, speeds in (("control", ("fs", "ss")), ("streaming", ("fs", "hs", "ss"))):
        for speed in speeds:
            (function / part / "class" / speed / "h").symlink_to(function / part / "header" / "h")
    (place / "configs" / "c.1" / f"uvc.{number}").symlink_to(function)


def nodes() -> list[str]:
    return [path.name for path in Path("/sys/class/video4linux").glob("video*")]
