"""Standing: how every measure of a camera, of a box and of all boxes of a model stands now."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, select

from trainer.drift.judging import Judged, judge
from trainer.drift.measures import Measure, rows_of
from trainer.drift.options import Options
from trainer.drift.streams import DAY, Normal, Stream, begun, keep_normal, normal_of, read
from trainer.drift.trace import Trace, joined, trace
from trainer.store.drift_tables import drift_standing

SHOWN = 8 * DAY  # hours up to now that are judged anew each time, the first day of them only to have enough together
ALL = ""  # cameras of a box, or boxes of a model
SEVERAL = 2
Traces = dict[Measure, Trace]


@dataclass
class Together:
    """Traces that add up, of whatever was judged by itself."""

    sums: Traces = field(default_factory=dict)
    parts: int = 0

    def add(self, traces: Traces) -> None:
        self.parts += 1
        for measure, each in traces.items():
            self.sums[measure] = joined([self.sums[measure], each]) if measure in self.sums else each


@dataclass
class Stood:
    """What is to be written: how it stands, and the days that are normal from now on."""

    rows: list[dict[str, object]] = field(default_factory=list)
    normals: list[tuple[Stream, Normal]] = field(default_factory=list)


def stand(connection: Connection, model: str, of_model: Iterable[Stream], options: Options, end: int) -> Stood:
    """Up to hour `end`, which is over. Computed anew of what is there, so late and doubled hours have the effect of order."""
    fleet, boxes, stood = Together(), defaultdict[str, Together](Together), Stood()
    since = _since(connection, model)
    for stream in of_model:
        normal = normal_of(connection, stream)
        if normal is None:
            normal, enough = begun(connection, stream, options.days, end)
            if not enough:
                stood.rows.append(_learning(stream, normal, options, end))
                continue
            stood.normals.append((stream, normal))
        traces = _traces(connection, stream, normal, end)
        boxes[stream.device].add(traces)
        stood.rows += _rows(model, stream.device, stream.camera, traces, since, end)
    for device, box in boxes.items():
        fleet.add(box.sums)
        if box.parts >= SEVERAL:
            stood.rows += _rows(model, device, ALL, box.sums, since, end)
    if fleet.parts >= SEVERAL:
        stood.rows += _rows(model, ALL, ALL, fleet.sums, since, end)
    return stood


def keep(connection: Connection, model: str, stood: Stood, now_us: int) -> None:
    """In the place of what was known of the model."""
    for stream, normal in stood.normals:
        keep_normal(connection, stream, normal, now_us)
    connection.execute(delete(drift_standing).where(drift_standing.c.model == model))
    if stood.rows:
        connection.execute(drift_standing.insert(), stood.rows)


def _traces(connection: Connection, stream: Stream, normal: Normal, end: int) -> Traces:
    first = end + 1 - SHOWN
    before = read(connection, stream, normal.from_hour, normal.to_hour)
    since = read(connection, stream, max(first, normal.to_hour), end + 1)
    labels = {label for hours in (before, since) for window in hours.values() for label in window.classes}
    was = rows_of(before, normal.from_hour, normal.to_hour - normal.from_hour, labels)
    now = rows_of(since, first, SHOWN, labels)
    return {measure: trace(measure.kind, was[measure], seen, first - normal.from_hour) for measure, seen in now.items()}


def _learning(stream: Stream, normal: Normal, options: Options, end: int) -> dict[str, object]:
    said = {"model": stream.model, "device": stream.device, "camera": stream.camera, "measure": "", "state": "learning", "hour": end}
    return {**said, "distance": float(normal.days), "bound": float(options.days), "psi": None, "since_hour": None, "line": ""}


def _rows(
    model: str, device: str, camera: str, traces: Traces, since: Mapping[tuple[str, str, str], int], end: int
) -> Iterator[dict[str, object]]:
    for measure, each in sorted(traces.items()):
        judged = judge(measure, each)
        began = None if judged.since is None else end + 1 - SHOWN + judged.since
        before = since.get((device, camera, measure.name))
        if began is not None and before is not None:
            began = min(began, before)
        yield {
            "model": model, "device": device, "camera": camera, "measure": measure.name, "state": judged.state,
            "distance": judged.distance, "bound": judged.bound, "psi": judged.psi, "since_hour": began, "hour": end,
            "line": _line(judged),
        }  # fmt: skip


def _line(judged: Judged) -> str:
    """As JSON, which has no NaN."""
    shown = [None if math.isnan(value) else value for value in judged.line[DAY:]]
    return json.dumps({"span": judged.span, "before": judged.before, "after": judged.after, "line": shown})


def _since(connection: Connection, model: str) -> dict[tuple[str, str, str], int]:
    """Of what drifts already: it may have begun before the hours that are judged anew."""
    of = drift_standing.c
    query = select(of.device, of.camera, of.measure, of.since_hour).where(of.model == model, of.state == "drift")
    return {(row.device, row.camera, row.measure): row.since_hour for row in connection.execute(query) if row.since_hour is not None}
