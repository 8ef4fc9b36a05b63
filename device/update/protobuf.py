"""Protobuf: the fields of a message as they lie in memory or in a file, nothing copied, every length checked; no schema, no library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import overload

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LONGEST_VARINT = 10
LONGEST_TEXT = 64 << 10
WHOLE, WINDOW = 1 << 20, 64 << 10  # bytes of a file that are read at once: of what is asked for, and of what is gone through


class Malformed(Exception):
    """These bytes are no message."""


class Span:
    """Bytes of a file: small ones are in memory when they are taken out, large ones (weights) stay where they are until somebody looks."""

    def __init__(self, read: Callable[[int, int], bytes], begin: int, size: int, whole: int = WHOLE, window: int = WINDOW) -> None:
        self._read, self._begin, self._size, self._whole, self._window_size = read, begin, size, whole, window
        self._at, self._window = 0, b""

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> Octets: ...
    def __getitem__(self, at: int | slice) -> int | Octets:
        if isinstance(at, slice):
            begin, end, _ = at.indices(self._size)
            return self._part(begin, max(begin, end))
        if not self._at <= at < self._at + len(self._window):
            self._at, self._window = at, self._read(self._begin + at, min(self._window_size, self._size - at))
        return self._window[at - self._at]

    def __bytes__(self) -> bytes:
        return self._read(self._begin, self._size)

    def _part(self, begin: int, end: int) -> Octets:
        if self._at <= begin and end <= self._at + len(self._window):
            return memoryview(self._window)[begin - self._at : end - self._at]
        if end - begin <= self._whole:
            return memoryview(self._read(self._begin + begin, end - begin))
        return Span(self._read, self._begin + begin, end - begin, self._whole, self._window_size)


Octets = memoryview | Span


@dataclass(frozen=True, slots=True)
class Field:
    number: int
    kind: int
    value: int  # of a varint
    bytes: Octets  # of anything else


def fields(data: Octets) -> Iterator[Field]:
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
    if len(each.bytes) > LONGEST_TEXT:
        raise Malformed("a name without an end")
    try:
        return bytes(each.bytes).decode()
    except UnicodeDecodeError as error:
        raise Malformed("a text that is no UTF-8") from error


def _varint(data: Octets, at: int) -> tuple[int, int]:
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
