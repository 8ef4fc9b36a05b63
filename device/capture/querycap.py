"""Querycap: what a video node says it can do; a USB camera has a second node for metadata that gives no pictures."""

from __future__ import annotations

import fcntl
import functools
import os
import struct
from dataclasses import dataclass
from pathlib import Path

VIDIOC_QUERYCAP = 0x80685600
LAYOUT = struct.Struct("16s32s32sIII12x")  # struct v4l2_capability
CAPTURE, M2M, HAS_DEVICE_CAPS = 0x1, 0x4000 | 0x8000, 0x8000_0000


@dataclass(frozen=True, slots=True)
class Capability:
    """`gives_pictures`: through the interface that we read, one plane a picture."""

    card: str
    bus: str
    gives_pictures: bool


def capability(node: Path) -> Capability:
    """OSError as the kernel gives it. Asked once of each node as it is: its number may be another camera's tomorrow."""
    stat = node.stat()
    return _asked(node, stat.st_rdev, stat.st_ino, stat.st_ctime_ns)


@functools.lru_cache(maxsize=64)
def _asked(node: Path, *_as_it_is: int) -> Capability:
    answer = bytearray(LAYOUT.size)
    handle = os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(handle, VIDIOC_QUERYCAP, answer)
    finally:
        os.close(handle)
    return unpacked(bytes(answer))


def unpacked(answer: bytes) -> Capability:
    _driver, card, bus, _version, whole, own = LAYOUT.unpack(answer)
    can = own if whole & HAS_DEVICE_CAPS else whole
    return Capability(_text(card), _text(bus), bool(can & CAPTURE) and not can & M2M)


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")
