"""Protobuf: the fields of a message as they lie in memory, nothing copied, every length checked; no schema, no library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LONGEST_VARINT = 10
NOTHING = memoryview(b"")


class Malformed(Exception):
    """These bytes are no message."""


@dataclass(frozen=True, slots=True)
class Field:
    number: int
    kind: int
    value: int  # of a varint
    bytes: memoryview  # of anything else


def fields(data: memoryview) -> Iterator[Field]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind, tag = key & 7, key >> 3
        value, length = 0, 0
        if kind == VARINT:
            value, at = _varint(data, at)
        elif kind == BYTES:
            length, at = _varint(data, at)
        elif kind in {FIXED64, FIXED32}:
            length = 8 if kind == FIXED64 else 4
        else:
            raise Malformed(f"a field of kind {kind}")
        if tag == 0 or length > len(data) - at:
            raise Malformed("a field that is longer than what holds it")
        yield Field(tag, kind, value, data[at : at + length])
        at += length


def number(each: Field) -> int:
    """As int64: negative ones have their highest bit set."""
    if each.kind != VARINT:
        raise Malformed("a number that is none")
    return each.value - (1 << 64) if each.value >> 63 else each.value


def packed(each: Field) -> list[int]:
    """Repeated numbers, one by one or together."""
    if each.kind == VARINT:
        return [number(each)]
    if each.kind != BYTES:
        raise Malformed("numbers that are none")
    found, at = [], 0
    while at < len(each.bytes):
        value, at = _varint(each.bytes, at)
        found.append(value - (1 << 64) if value >> 63 else value)
        if len(found) > 1024:
            raise Malformed("a shape of more than a thousand sides")
    return found


def text(each: Field) -> str:
    if each.kind != BYTES:
        raise Malformed("a text that is none")
    try:
        return bytes(each.bytes).decode()
    except UnicodeDecodeError as error:
        raise Malformed("a text that is no UTF-8") from error


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for place in range(LONGEST_VARINT):
        if at >= len(data):
            raise Malformed("it breaks off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & ((1 << 64) - 1), at
    raise Malformed("a number without an end")
