"""Lines of an event log: written the same way each time, read back, and cut off where a crash tore one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from contracts.canonical import canonical
from contracts.errors import StorageError
from contracts.event import Event
from contracts.eventlog import LogHeader

CHUNK_BYTES = 1 << 16


def line(event: Event) -> bytes:
    return canonical(event.model_dump(mode="json"))


def mend(path: Path) -> str:
    """Cut what follows the last whole line, which a crash tore; what was done, or nothing."""
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return ""
    with file:
        size = end = file.seek(0, os.SEEK_END)
        while end > 0:
            begin = max(0, end - CHUNK_BYTES)
            file.seek(begin)
            at = file.read(end - begin).rfind(b"\n")
            if at >= 0:
                end = begin + at + 1
                break
            end = begin
        file.truncate(end)
    return f"{path}: its last line was torn; {size - end} bytes were cut off" if end < size else ""


def read_log(path: Path) -> tuple[LogHeader, Iterator[Event]]:
    """The header and the events of a log; a torn last line is left out, a damaged one is a StorageError that names it."""
    with path.open("rb") as file:
        first = file.readline()
    try:
        header = LogHeader.model_validate_json(first)
    except ValidationError as error:
        raise StorageError(f"{path}: line 1 is not the header of an event log; was it written by something else?") from error
    return header, _events(path)


def _events(path: Path) -> Iterator[Event]:
    with path.open("rb") as file:
        file.readline()
        for number, content in enumerate(file, 2):
            if not content.endswith(b"\n"):
                return
            try:
                yield Event.model_validate_json(content)
            except ValidationError as error:
                raise StorageError(f"{path}: line {number} is not an event; cut it out or restore the file") from error
