"""Correction: a recording began at another time than its document says; every time in it moves, nothing is looked at again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from contracts.batchlog import BatchLog, document_bytes, read_document
from contracts.canonical import canonical
from contracts.errors import StorageError
from contracts.event import Event
from contracts.files import write_durably
from contracts.wire import utc_from_ns
from device.publish.log_lines import line, read_log
from device.replaying import WHOLE

CORRECTED = "option"  # said by the owner, as with --start-time
MODE = 0o640


def correct_start(path: Path, start_wall_ns: int) -> timedelta:
    """By how much the times moved. Ids stay: they are made of media time. StorageError when the document cannot be read or written."""
    try:
        return _corrected(path, start_wall_ns)
    except OverflowError as error:
        raise StorageError(
            f"{path}: has times at the end of all calendars; restore the file, or make it anew with `vedette batch`"
        ) from error


def _corrected(path: Path, start_wall_ns: int) -> timedelta:
    document = read_document(path)
    start = utc_from_ns(start_wall_ns)
    shift = start - document.metadata.session_start_time
    log = path.with_suffix("") / WHOLE
    if log.is_file():
        _correct_log(log, start, document.metadata.session_start_time)
    if shift or document.metadata.start_source != CORRECTED:
        write_durably(path, document_bytes(moved(document, start)), MODE)
    return shift


def moved(document: BatchLog, start: datetime) -> BatchLog:
    shift = start - document.metadata.session_start_time
    known = {"session_start_time": start, "start_source": CORRECTED, "start_is_guess": False}
    entries = [entry.model_copy(update={"timestamp": entry.timestamp + shift}) for entry in document.events]
    return BatchLog(metadata=document.metadata.model_copy(update=known), events=entries)


def _correct_log(path: Path, start: datetime, before: datetime) -> None:
    """Each event's times are its start and media time, so that doing it twice does no harm."""
    header, events = read_log(path)
    content = [canonical(header.model_copy(update={"start_source": CORRECTED}).model_dump(mode="json"))]
    content += [line(_moved(event, start, before)) for event in events]
    write_durably(path, b"".join(content), MODE)


def restate(path: Path, video: str, session_type: str) -> None:
    """The recording was moved, or another word is said of the session (none: as it was); nothing is looked at again for that."""
    document = read_document(path)
    known = document.metadata.model_copy(update={"video_path": video, "session_type": session_type or document.metadata.session_type})
    if known == document.metadata:
        return
    log = path.with_suffix("") / WHOLE
    if log.is_file():
        header, events = read_log(log)
        named = header.model_copy(update={"source": Path(video).name})
        write_durably(log, b"".join([canonical(named.model_dump(mode="json")), *map(line, events)]), MODE)
    write_durably(path, document_bytes(document.model_copy(update={"metadata": known})), MODE)


def _moved(event: Event, start: datetime, before: datetime) -> Event:
    was = event.start - timedelta(microseconds=event.start_pts_ns // 1000)
    # a microsecond lost in rounding, or a log that was corrected already when the document was not: the log itself says where it stands
    shift = start - before if abs(was - before) <= timedelta(microseconds=2) else start - was
    known = {"start": event.start + shift, "t": event.t + shift, "end": event.end and event.end + shift}
    return event.model_copy(update=known)
