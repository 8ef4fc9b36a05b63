"""CVAT: open items out as a task for CVAT, and what was labelled there back in; by the picture's id, and never over somebody's work."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from sqlalchemy import Row, select

from contracts.errors import ConfigError, ProtocolError
from contracts.files import write_durably
from contracts.wire import Wire
from dataset.findings import Findings
from dataset.formats.cvat_read import CvatReader
from dataset.formats.cvat_write import CvatWriter
from dataset.items import Category, Item, Label
from dataset.layout import Layout, read_small
from trainer.review.desk import Desk
from trainer.review.labels import Decision, Marked
from trainer.review.refusals import Closed, Misused, Stale, Unknown
from trainer.review.rows import categories_of, machine_boxes, said_of
from trainer.store.database import Database
from trainer.store.review_tables import review_items

NOTE = "vedette-review.json"
LARGEST_NOTE = 256 << 20
MOST = 100_000


class Sent(Wire):
    """Beside CVAT's file: at which version each item was when it went out."""

    v: int = 1
    items: dict[str, int] = Field(description="item -> version")
    complete_for: list[str] = Field(description="classes of which every instance is to be marked")


@dataclass
class Brought:
    """What came back. `conflicts`: changed here meanwhile; their labels were not taken. `same`: came before."""

    answered: int = 0
    same: int = 0
    conflicts: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def send(database: Database, sets: Path, folder: Path, *, name: str, most: int, complete_for: Sequence[str] | None = None) -> int:
    """The open items of a data set whose turn is next, into a folder that CVAT takes; how many."""
    items = review_items.c
    query = select(review_items).where(items.state == "open", items.set == name).order_by(items.turn.desc(), items.id)
    with database.read() as connection:
        rows = connection.execute(query.limit(min(most, MOST))).all()
        classes = categories_of(connection, sets, name)
        drafts = {row.id: said_of(connection, row.id) for row in rows}
    strange = [each for each in complete_for or () if each not in classes]
    if strange:
        raise ConfigError(f"class {strange[0][:80]}: is none of {name}; it has {', '.join(classes)}")
    writer = CvatWriter(folder, [Category(each, number) for number, each in enumerate(classes, 1)], "copy")
    try:
        for row in rows:
            said = drafts[row.id].draft or drafts[row.id].reopened
            writer.write(_item(row, said.boxes if said else machine_boxes(row), sets))
        writer.close()
    except BaseException:  # Ctrl-C too: no half task stays
        writer.abandon()
        raise
    sent = Sent(items={row.id: row.version for row in rows}, complete_for=list(classes if complete_for is None else complete_for))
    write_durably(folder / NOTE, sent.model_dump_json(indent=1).encode() + b"\n")
    return len(rows)


def _item(row: Row[Any], boxes: Sequence[Marked], sets: Path) -> Item:
    labels = tuple(
        Label(each.box, each.category, each.confidence, "detection" if each.source == "model" else "manual", each.source == "person")
        for each in boxes
    )
    return Item(row.id, f"{row.id}.png", row.width, row.height, labels, path=Layout(sets / row.set).image(row.image))


def bring(desk: Desk, folder: Path, who: str, annotations: Path | None = None) -> Brought:
    """Each picture in CVAT's file is an answer: complete for the classes it went out for; safe to do again."""
    sent, done = _note(folder), Brought()
    findings = Findings()
    reader = CvatReader(annotations or folder, findings)
    for item in reader:
        name = item.file.rpartition("/")[2].removesuffix(".png")
        version = sent.items.get(name)
        if version is None:
            done.unknown.append(item.file)
            continue
        _take(desk, name, version, _decision(item, sent), who, done)
    done.refused += [f"{reason}: {count} pictures" for reason, count in sorted(findings.skipped.items())]
    return done


def _take(desk: Desk, name: str, version: int, said: Decision, who: str, done: Brought) -> None:
    try:
        answered = desk.answer(name, version, said, who, f"cvat-{name}-{version}")
    except (Stale, Closed, Misused) as error:
        done.conflicts.append(f"{name}: {error}")
    except Unknown:
        done.unknown.append(name)
    except ProtocolError as error:
        done.refused.append(f"{name}: {error}")
    else:
        done.same += answered.repeated
        done.answered += not answered.repeated


def _decision(item: Item, sent: Sent) -> Decision:
    boxes = [_marked(label, item, number) for number, label in enumerate(item.labels)]
    if not boxes and not sent.complete_for:
        return Decision(answer="unsure")  # no box, and nobody said that there is none
    return Decision(answer="boxes", boxes=boxes, exhaustive_for=sent.complete_for)


def _marked(label: Label, item: Item, number: int) -> Marked:
    source: Literal["model", "person"] = "model" if label.source == "detection" and not label.verified else "person"
    confidence = label.confidence if source == "model" else None
    return Marked(id=f"c{number}", box=_cut(label.box, item), category=label.category, source=source, confidence=confidence)


def _cut(box: Sequence[float], item: Item) -> tuple[float, float, float, float]:
    """CVAT lets boxes reach beyond the picture."""
    left, top = max(0.0, box[0]), max(0.0, box[1])
    return left, top, min(float(item.width), box[0] + box[2]) - left, min(float(item.height), box[1] + box[3]) - top


def _note(folder: Path) -> Sent:
    try:
        return Sent.model_validate(json.loads(read_small(folder / NOTE, LARGEST_NOTE)))
    except (ValidationError, ValueError, RecursionError) as error:
        raise ConfigError(f"{folder / NOTE}: is not what `review export` wrote; import from the folder that it made") from error
