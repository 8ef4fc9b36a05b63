"""Lines: JSON records one a line, each with its checksum; read in flat memory, whatever is in the file; a torn end is known as such."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from contracts.errors import StorageError
from contracts.files import storage

MAX_LINE = 4 << 20  # bytes of one record; a longer line is not ours
CHUNK = 1 << 20
MARK, END = b',"crc":"', b'"}'  # the last key of every line: CRC-32 of all before it
SEAL = len(MARK) + 8 + len(END)


@dataclass(frozen=True, slots=True)
class Line:
    """Bytes `start` to `end` of the file, the newline included. `text` is None for a line that is too long to be read."""

    start: int
    end: int
    text: bytes | None
    whole: bool  # ends with a newline


def sealed(record: BaseModel) -> bytes:
    """A record as a line with its checksum; StorageError for one that is too large."""
    text = record.model_dump_json(exclude_defaults=True).encode()
    line = text[:-1] + MARK + b"%08x" % zlib.crc32(text[:-1]) + END + b"\n"
    if len(line) > MAX_LINE:
        raise StorageError(f"a record of {len(line)} bytes, at most {MAX_LINE} are kept; give it fewer boxes or attributes")
    return line


def intact(text: bytes | None) -> bytes | None:
    """The JSON of a line if its checksum holds, or if it has none (somebody's hand); None: damaged."""
    if text is None:
        return None
    if text[-SEAL : -SEAL + len(MARK)] != MARK or not text.endswith(END):
        return text
    crc = text[-SEAL + len(MARK) : -len(END)]
    return text if b"%08x" % zlib.crc32(text[:-SEAL]) == crc else None


def read_lines(handle: int, start: int = 0) -> Iterator[Line]:
    """Every line from `start` on; of a line beyond MAX_LINE only where it ends."""
    held, begin, at, skipping = bytearray(), start, start, False
    while chunk := os.pread(handle, CHUNK, at):
        taken = 0
        while (cut := chunk.find(b"\n", taken)) >= 0:
            long = skipping or len(held) + cut - taken > MAX_LINE
            end = at + cut + 1
            yield Line(begin, end, None if long else bytes(held) + chunk[taken:cut], True)
            held.clear()
            begin, skipping, taken = end, False, cut + 1
        skipping = skipping or len(held) + len(chunk) - taken > MAX_LINE
        held = bytearray() if skipping else held + chunk[taken:]
        at += len(chunk)
    if at > begin:
        yield Line(begin, at, None if skipping else bytes(held), False)


def line_at(handle: int, start: int) -> bytes:
    """The line that begins there, without its newline."""
    held = bytearray()
    while (cut := held.find(b"\n")) < 0:
        chunk = os.pread(handle, 4096 if not held else 65536, start + len(held))
        if not chunk or len(held) > MAX_LINE:
            return bytes(held)
        held += chunk
    return bytes(held[:cut])


class Log:
    """A file of lines that is only added to, by one process. What `append` returned from is on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with storage(path):
            self.handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
            self.end = os.fstat(self.handle).st_size
        self.unsure = False  # something that was not acknowledged may be in the file all the same

    def append(self, lines: bytes) -> None:
        """All or nothing, and durable. After a failure the file ends where it ended before."""
        with storage(self.path):
            try:
                self._write(lines)
                os.fsync(self.handle)
            except OSError:
                self._take_back()
                raise
            self.end += len(lines)

    def _take_back(self) -> None:
        """Where even that fails, what is behind the end is written over by the next, or seen by whoever opens the file next."""
        try:
            self.cut(self.end)
        except OSError:
            self.unsure = True

    def _write(self, lines: bytes) -> None:
        view, at = memoryview(lines), self.end
        while view:
            done = os.pwrite(self.handle, view, at)
            view, at = view[done:], at + done

    def cut(self, end: int) -> None:
        """Nothing that was acknowledged is behind `end`."""
        os.ftruncate(self.handle, end)
        os.fsync(self.handle)
        self.end = end

    def close(self) -> None:
        os.close(self.handle)
