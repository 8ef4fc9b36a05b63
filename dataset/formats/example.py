"""tf.train.Example and the TFRecord frame around it, by hand: the protobuf wire format is a few lines, TensorFlow is a gigabyte.

Example{1: Features{1: map<string, Feature>}}; Feature is one of 1: BytesList, 2: FloatList, 3: Int64List, each with repeated field 1.
A record is length (uint64), masked CRC32C of the length, data, masked CRC32C of the data; all little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

import google_crc32c

LENGTH_DELIMITED = 2
MASK = 0xA282EAD8


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; a negative one as 64 bits."""
    value &= (1 << 64) - 1
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | LENGTH_DELIMITED) + varint(len(content)) + content


def of_bytes(values: Iterable[bytes]) -> bytes:
    """A Feature. One without values says its kind all the same, as TensorFlow writes it and readers expect."""
    return field(1, b"".join(field(1, each) for each in values))


def of_floats(values: Sequence[float]) -> bytes:
    """A Feature of 32-bit floats, packed."""
    return field(2, field(1, struct.pack(f"<{len(values)}f", *values)) if values else b"")


def of_ints(values: Sequence[int]) -> bytes:
    """A Feature of 64-bit integers, packed."""
    return field(3, field(1, b"".join(varint(each) for each in values)) if values else b"")


def example(features: Mapping[str, bytes]) -> bytes:
    """The message, of encoded Features; names in order, so that equal features are equal bytes."""
    entries = (field(1, field(1, name.encode()) + field(2, features[name])) for name in sorted(features))
    return field(1, b"".join(entries))


def masked_crc(data: bytes) -> int:
    """Rotated and shifted, as TensorFlow does, since a CRC of data that holds its own CRC says little."""
    crc = int(google_crc32c.value(data))
    return ((crc >> 15 | crc << 17) + MASK) & 0xFFFFFFFF


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))
