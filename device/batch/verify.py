"""Verify: a recording is run again, and its log is what this model and configuration give, or the first difference is said."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

from contracts.batchlog import BatchLog, Fingerprint, read_document
from contracts.errors import ConfigError, StorageError
from contracts.event import Event
from contracts.eventlog import LogHeader
from contracts.files import storage
from device.batch.recipe import Named, close, fingerprint_of
from device.capture.beginning import LAST_YEAR
from device.capture.file import FileSource
from device.clock import Clock
from device.config import Loaded
from device.inventory import header
from device.pipeline.tally import Tally
from device.publish.document import entries
from device.publish.log_lines import read_log
from device.replaying import replay
from device.sight import open_stages

PARTS = ("model", "engine", "config_hash", "software", "stages")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a log says of itself: `events` as plain values, in its own form."""

    path: Path
    video: str
    digest: str | None
    fingerprint: Fingerprint
    start: datetime | None  # None: no event says when the recording began
    events: list[dict[str, Any]]
    document: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    identical: bool
    events: int
    difference: str = ""  # the first
    fingerprint: tuple[str, ...] = ()  # which parts of it are not the same here

    def __str__(self) -> str:
        parts = ", ".join(self.fingerprint)
        if self.identical:
            return f"identical, {self.events} entries" + (f"; though made with another {parts}" if parts else "")
        cause = f"it was made with another {parts}" if parts else "model, engine, configuration and software are the same"
        return f"differs: {self.difference}; {cause}"


def verified(
    log: Path, loaded: Loaded, camera: str, clock: Clock, video: Path | None = None, on_progress: Callable[[float], None] = lambda _s: None
) -> Verdict:
    """ConfigError when the recording is not there or is another one; HardwareError, StorageError as a replay."""
    claim = read_claim(log)
    if claim.start and claim.start.year > LAST_YEAR:
        raise StorageError(
            f"{log}: says that the recording began in {claim.start.year}; restore the file, or put it right with --correct-start"
        )
    path = video or _video(claim)
    source = FileSource(camera, FileSource.Options(path=path, start=claim.start), clock)
    if claim.digest is None:
        raise ConfigError(f"{log}: does not say of which recording it is; it cannot be verified")
    if claim.digest != f"sha256:{source.identity}":
        raise ConfigError(f"{path}: is not the recording of {log}, their SHA-256 differ; name the right one with --video")
    here = _fingerprint(loaded, camera, clock)
    with tempfile.TemporaryDirectory(prefix="vedette-verify-") as folder:
        done = replay(loaded, source, Path(folder), clock, on_progress=on_progress)
        found = list(_found(done.log, claim))
    parts = tuple(part for part in PARTS if part in claim.fingerprint.model_fields_set and differs(part, claim.fingerprint, here))
    difference = first_difference(claim.events, found)
    return Verdict(not difference, len(found), difference, parts)


def read_claim(log: Path) -> Claim:
    """A batch document or the log of a replay. StorageError when it is neither."""
    if not log.is_file():  # a pipe would be waited for
        with storage(log):
            log.stat()
        raise StorageError(f"{log}: is not a file; name a log")
    with storage(log), log.open("rb") as file:
        first = file.readline(1 << 20)
    try:
        plain = json.loads(first)
    except (ValueError, RecursionError):
        plain = {}
    if isinstance(plain, dict) and "processed_at" in plain and "metadata" not in plain:
        return _of_replay(log, *read_log(log))
    return _of_document(log, read_document(log))


def _of_document(log: Path, document: BatchLog) -> Claim:
    known = document.metadata
    events = [_comparable(entry.model_dump(mode="json")) for entry in document.events]
    return Claim(log, known.video_path, known.source_digest, known.fingerprint, known.session_start_time, events, document=True)


def _of_replay(log: Path, first: LogHeader, events: Iterator[Event]) -> Claim:
    told = list(events)
    known = {part: getattr(first, part) for part in PARTS if hasattr(first, part)}
    start = told[0].start - timedelta(microseconds=told[0].start_pts_ns // 1000) if told else None
    plain = [event.model_dump(mode="json") for event in told]
    return Claim(log, first.source, first.source_digest, Fingerprint(**known), start, plain, document=False)


def _comparable(entry: dict[str, Any]) -> dict[str, Any]:
    """A picture is beside the log, and is not made again."""
    return {name: value for name, value in entry.items() if name != "thumbnail"}


def _video(claim: Claim) -> Path:
    """By the path that the log names, from here or from beside the log."""
    beside = [claim.path.parent, *claim.path.resolve().parents[:3]]
    for path in (Path(claim.video), *(folder / claim.video for folder in beside), *(folder / Path(claim.video).name for folder in beside)):
        with suppress(OSError):  # a name too long for a file
            if path.is_file():
                return path
    raise ConfigError(f"{claim.path}: the recording {claim.video} is not there; name it with --video")


def _fingerprint(loaded: Loaded, camera: str, clock: Clock) -> Fingerprint:
    stages, _ = open_stages(loaded, {camera: Named("")}, clock, Tally())
    try:
        return fingerprint_of(header(loaded, stages, clock, ""), stages)
    finally:
        close(stages)


def differs(part: str, one: Fingerprint, other: Fingerprint) -> bool:
    return bool(getattr(one, part) != getattr(other, part))


def _found(log: Path, claim: Claim) -> Iterator[dict[str, Any]]:
    _, events = read_log(log)
    if claim.document:
        yield from (_comparable(entry.model_dump(mode="json")) for entry in entries(events))
    else:
        yield from (event.model_dump(mode="json") for event in events)


def first_difference(claimed: list[dict[str, Any]], found: list[dict[str, Any]]) -> str:
    for number, (one, other) in enumerate(zip_longest(claimed, found), 1):
        if one is None:
            return f"entry {number}: the log ends, and here is {_short(other)}"
        if other is None:
            return f"entry {number}: the log has {_short(one)}, and here is nothing more"
        names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
        if names:
            return f"entry {number}: {names[0]} is {json.dumps(one.get(names[0]))} in the log and {json.dumps(other.get(names[0]))} here"
    return ""


def _short(entry: dict[str, Any]) -> str:
    kind, at = entry.get("type") or entry.get("kind"), entry.get("video_offset_seconds", entry.get("pts_ns", 0) / 1e9)
    return f"{kind} at {at:.3f} s"
