"""Directory: all documents of a folder in the order in which their recordings began, and a summary of a run."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contracts.batchlog import BatchLog, read_document
from contracts.canonical import canonical
from contracts.errors import StorageError
from contracts.files import write_durably
from contracts.wire import utc_text
from device.batch.films import Film

log = logging.getLogger(__name__)
INDEX, SUMMARY = "index.json", "summary.json"
FORMAT = 1
MODE = 0o640


def write_index(out: Path) -> list[dict[str, Any]]:
    """`index.json`: one entry a document."""
    found: list[tuple[Path, BatchLog]] = []
    for path in sorted(out.glob("*.json")):
        if path.name in {INDEX, SUMMARY}:
            continue
        try:
            found.append((path, read_document(path)))
        except StorageError as error:  # a file of somebody else's is no reason to have no directory
            log.warning("left out of the directory", extra={"file": str(path), "reason": str(error)})
    found.sort(key=lambda each: (each[1].metadata.session_start_time, each[0].name))
    listed = [_listed(path, document) for path, document in found]
    write_durably(out / INDEX, canonical({"format": FORMAT, "documents": listed}), MODE)
    return listed


def _listed(path: Path, document: BatchLog) -> dict[str, Any]:
    known = document.metadata
    return {
        "document": path.name,
        "video_path": known.video_path,
        "session_start_time": utc_text(known.session_start_time),
        "start_source": known.start_source,
        "start_is_guess": known.start_is_guess,
        "session_type": known.session_type,
        "video_duration_seconds": known.video_duration_seconds,
        "events": len(document.events),
    }


def write_summary(out: Path, films: Sequence[Film], seconds: float) -> dict[str, Any]:
    """`summary.json`: what came of each recording of this run, and of all together."""
    types: Counter[str] = Counter()
    duration = 0.0
    rows = []
    for film in films:
        row: dict[str, Any] = {"video_path": film.video, "document": film.document.name if film.ready else None}
        if film.ready:
            document = read_document(film.document)
            mine = Counter(entry.type for entry in document.events)
            types += mine
            duration += document.metadata.video_duration_seconds
            row |= {"events": dict(sorted(mine.items())), "holes": len(document.metadata.holes)}
            row |= {"video_duration_seconds": document.metadata.video_duration_seconds, "done_before": not film.fresh}
            row |= {"start_source": document.metadata.start_source, **({"samples": film.counts} if film.fresh else {})}
            row |= {"set_aside": str(film.aside.relative_to(out))} if film.aside else {}
        else:
            row["error"] = film.failed.encode(errors="backslashreplace").decode()  # it names files, and those may be any bytes
        rows.append(row)
    whole = {
        "format": FORMAT,
        "recordings": rows,
        "failed": sum(not film.ready for film in films),
        "events": dict(sorted(types.items())),
        "video_duration_seconds": duration,
        "seconds": round(seconds, 3),
    }
    write_durably(out / SUMMARY, canonical(whole), MODE)
    return whole
