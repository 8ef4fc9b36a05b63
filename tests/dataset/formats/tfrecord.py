"""A TFRecord reader for the tests, written apart from the writer: CRC32C by its polynomial, the wire format by its specification."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

POLYNOMIAL = 0x82F63B78  # Castagnoli, reflected
TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (POLYNOMIAL if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for each in data:
        crc = TABLE[(crc ^ each) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def unmasked(masked: int) -> int:
    """The way back of TensorFlow's `crc32c::Unmask`."""
    rotated = (masked - 0xA282EAD8) % (1 << 32)
    return (rotated >> 17 | rotated << 15) & 0xFFFFFFFF


def records(path: Path) -> Iterator[bytes]:
    data = io.BytesIO(path.read_bytes())
    while head := data.read(12):
        length, of_length = struct.unpack("<QI", head)
        assert unmasked(of_length) == crc32c(head[:8])
        body = data.read(length)
        assert len(body) == length
        assert unmasked(*struct.unpack("<I", data.read(4))) == crc32c(body)
        yield body


def _varint(data: io.BytesIO) -> int:
    shift = value = 0
    while True:
        byte = data.read(1)[0]
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    data = io.BytesIO(message)
    while data.tell() < len(message):
        key = _varint(data)
        assert key & 7 == 2, "only length-delimited fields are expected"
        yield key >> 3, data.read(_varint(data))


def decoded(message: bytes) -> dict[str, list[Any]]:
    """Features by name."""
    found: dict[str, list[Any]] = {}
    for number, features in _fields(message):
        assert number == 1
        for entry_number, entry in _fields(features):
            assert entry_number == 1
            parts = dict(_fields(entry))
            found[parts[1].decode()] = _values(parts[2])
    return found


def _values(feature: bytes) -> list[Any]:
    for kind, content in _fields(feature):
        values = [each for _, each in _fields(content)]
        if kind == 1:
            return values
        if kind == 2:
            return [number for packed in values for (number,) in struct.iter_unpack("<f", packed)]
        assert kind == 3
        return [signed for packed in values for signed in _integers(packed)]
    return []


def _integers(packed: bytes) -> Iterator[int]:
    data = io.BytesIO(packed)
    while data.tell() < len(packed):
        value = _varint(data)
        yield value - (1 << 64) if value >> 63 else value
