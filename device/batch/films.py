"""Film: one recording on its way from a file to a document, and what is on the disk of it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from contracts.batchlog import BatchLog, document_bytes
from contracts.canonical import canonical
from contracts.errors import ConfigError, HardwareError
from contracts.event import Event
from contracts.files import make_folders, refuse_links, rename_durably, storage, write_durably
from contracts.wire import utc_from_ns
from device.batch.correction import CORRECTED, correct_start, restate
from device.batch.earlier import THUMBNAILS, known_of, mend, refuse_reviewed, same, set_aside
from device.batch.excerpt import beginning, recording, stamp_of
from device.batch.folder import WorkFolder
from device.batch.index import Facts, Index, unit_of
from device.batch.merge import merged
from device.batch.metadata import metadata_of
from device.batch.recipe import Recipe, open_gate
from device.batch.runner import Failure, Result
from device.batch.thumbnails import forget_others, with_thumbnails
from device.batch.units import Unit, unit_s
from device.capture.beginning import to_ns
from device.capture.file import FileSource
from device.clock import Clock
from device.masks import masks_of
from device.pipeline.tally import Tally
from device.publish.document import entries
from device.publish.log_lines import line
from device.replaying import PLAYING, WHOLE

log = logging.getLogger(__name__)
WORK = ".work"
FATES = ("offered", "gated", "dropped", "analysed")
MODE = 0o640


@dataclass(frozen=True, slots=True)
class Asked:
    """What the owner says of all recordings of a run."""

    out: Path
    session_type: str = ""
    segment_s: float | None = None  # None: by the recording's length
    strict_time: bool = False
    again: bool = False
    replace: bool = False  # also what a person has reviewed


@dataclass(slots=True)
class Film:
    """`units` is called in one thread, everything else in another, which waits for what the first has found."""

    source: FileSource
    name: str
    recipe: Recipe
    asked: Asked
    clock: Clock
    seconds: float = 0.0  # as the file says
    failed: str = ""
    ready: bool = False  # the document is there
    fresh: bool = False  # and was made now
    issued: int = -1  # units in all; -1: not known yet
    kept: int = 0  # of them, those whose sightings are on the disk
    seen_s: float = 0.0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FATES, 0))
    missing: int = 0
    events: int = 0
    aside: Path | None = None  # where the document of another model or other settings is now
    facts: Facts | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stamp: tuple[int, ...] = ()  # of the file, when its digest was taken

    @property
    def video(self) -> str:
        """Its path as JSON can hold it: a name may be any bytes."""
        return str(self.source.path).encode(errors="backslashreplace").decode()

    @property
    def document(self) -> Path:
        return self.asked.out / f"{self.name}.json"

    @property
    def folder(self) -> Path:
        return self.asked.out / self.name

    @property
    def work(self) -> WorkFolder:
        return WorkFolder(self.folder / WORK)

    @property
    def segment_s(self) -> float:
        return self.asked.segment_s or unit_s(self.seconds)

    def units(self) -> Iterator[Unit]:
        """Those that are still to be looked at. HardwareError or ConfigError when the recording cannot be read."""
        self.source.hide(masks_of(self.recipe.loaded.settings, self.recipe.camera))
        start_ns, start_source = self.source.began()
        self._stamp = stamp_of(self.source.path)
        mend(self.document)
        known = known_of(self.document)
        if known and start_source != CORRECTED and known.start_source == CORRECTED and known.source_digest == self._digest():
            start_ns, start_source = to_ns(known.session_start_time), "option"  # the owner has said it once
        there = known and not self.asked.again and same(known, self._digest(), self.recipe.fingerprint)
        if self.asked.strict_time and (known.start_is_guess if known and there and start_source != CORRECTED else start_source == "mtime"):
            raise ConfigError(
                f"{self.source.path}: when it began is a guess by the time of the file; say --start-time, or leave out --strict-time"
            )
        if there:
            self._put_right(start_ns, start_source)
            return
        if not self.asked.replace:
            refuse_reviewed(self.document, known)
        for folder in (self.work.path, self.folder / THUMBNAILS):
            refuse_links(self.asked.out, folder)
        work = self.work
        if said := work.begin(self._job()):
            log.warning(said, extra={"file": str(self.source.path)})
        facts = work.index()
        if facts is not None:
            facts.start_wall_ns, facts.start_source = start_ns, start_source
        issued = 0
        for unit in self._indexed(work, start_ns, start_source) if facts is None else self._stored(work, facts):
            issued += 1
            counts = work.counts(unit.number, unit.key)
            if counts is None:
                yield unit
            else:
                self._count(unit, counts)
        self.issued = issued

    def _put_right(self, start_ns: int, start_source: str) -> None:
        """What does not come of looking: where the recording is, what its owner says of it."""
        restate(self.document, self.video, self.asked.session_type)
        if start_source == CORRECTED:
            correct_start(self.document, start_ns)
        self.ready = True

    def _digest(self) -> str:
        return f"sha256:{self.source.identity}"

    def _job(self) -> dict[str, object]:
        return {
            "source": self._digest(),
            "fingerprint": self.recipe.fingerprint.model_dump(mode="json"),
            "camera": self.recipe.camera,
            "segment_s": self.segment_s,
        }

    def _indexed(self, work: WorkFolder, start_ns: int, start_source: str) -> Iterator[Unit]:
        """The pass over the file, which writes the index down as it goes."""
        first_ns, whole = beginning(recording(self.recipe.camera, self.source.path, self.clock))
        gate = open_gate(self.recipe, self.clock, Tally()) if self.recipe.gate else None
        index = Index(self.source, self.recipe.detection_fps, self.segment_s, gate, first_ns=first_ns, whole=whole)
        index.facts.start_wall_ns, index.facts.start_source = start_ns, start_source  # also of one without any picture
        written = 0
        with work.rows_file() as file:
            for segment, rows in index.segments():
                with storage(work.path):
                    file.write(rows[written - segment.first_row : segment.end - segment.first_row].tobytes())
                written = segment.end
                yield unit_of(segment, rows, self.source, self.source.identity, index.facts, self.recipe.detection_fps)
            with storage(work.path):
                os.fsync(file.fileno())
        work.keep_index(index.facts)
        self.facts = index.facts

    def _stored(self, work: WorkFolder, facts: Facts) -> Iterator[Unit]:
        self.facts = facts
        for segment in facts.segments:
            rows = work.rows(segment.first_row, segment.last)
            yield unit_of(segment, rows, self.source, self.source.identity, facts, self.recipe.detection_fps)

    # ---- the other thread

    def take(self, unit: Unit, result: Result) -> None:
        if isinstance(result, Failure):
            self.failed = self.failed or f"{self.source.path}: {result.reason}"
        elif not self.failed:
            self._count(unit, self.work.keep(unit.number, unit.key, result))

    def _count(self, unit: Unit, counts: dict[str, int]) -> None:
        with self._lock:
            self.kept += 1
            self.seen_s += unit.seconds
            self.missing += counts.get("missing", 0)
            for name in FATES:
                self.counts[name] += counts.get(name, 0)

    @property
    def complete(self) -> bool:
        """Everything was looked at, and nothing is made of it yet."""
        return not self.failed and not self.ready and self.kept == self.issued

    def finish(self, on_event: Callable[[Event], None] = lambda _e: None) -> None:
        """The events, their pictures, the document; in this order, so that where there is a document all of it is there."""
        facts = self.facts
        if facts is None:
            raise ValueError("finished before its index is")
        self._unchanged()
        if self.recipe.gate:
            self.counts.update({name: facts.counts.get(name, 0) for name in ("offered", "gated", "dropped")})
        self.aside = set_aside(self.document, self._digest(), self.recipe.fingerprint)
        found = entries(self._told(facts, on_event))
        found = with_thumbnails(found, self.folder / THUMBNAILS, f"{self.name}/{THUMBNAILS}", self.work, facts, self.source, self.clock)
        rename_durably(self.folder / PLAYING, self.folder / WHOLE)
        known = metadata_of(
            self.recipe, facts, self.video, self._digest(), self.asked.session_type, self.counts, self.missing, self.clock.wall_ns()
        )
        write_durably(self.document, document_bytes(BatchLog(metadata=known, events=found)), MODE)
        forget_others(self.folder / THUMBNAILS, found)
        self.events, self.ready, self.fresh = len(found), True, True
        self.work.remove()

    def _unchanged(self) -> None:
        """What was found while somebody wrote to it is of neither file."""
        if self._stamp != stamp_of(self.source.path):
            self.work.remove()
            raise HardwareError(f"{self.source.path}: was written to while it was looked at; wait until it is finished, and run again")

    def _told(self, facts: Facts, on_event: Callable[[Event], None]) -> Iterator[Event]:
        """The messages, written down in the form of a replay's log as they pass."""
        first = self.recipe.header.model_copy(
            update={
                "source": Path(self.video).name,
                "source_digest": self._digest(),
                "start_source": facts.start_source,
                "processed_at": utc_from_ns(self.clock.wall_ns()),
            }
        )
        paths = [self.work.sightings(segment.number) for segment in facts.segments]
        path = self.folder / PLAYING
        with storage(path):
            make_folders(self.folder)
            path.unlink(missing_ok=True)
        with storage(path), os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE), "wb") as file:
            file.write(canonical(first.model_dump(mode="json")))
            for event in merged(self.recipe, self.source.identity, facts, paths, self.clock, Tally()):
                file.write(line(event))
                on_event(event)
                yield event
            file.flush()
            os.fsync(file.fileno())
