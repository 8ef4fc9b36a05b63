"""Diff: what one data set has that another has not: pictures, boxes, classes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dataset.convert import Tick
from dataset.items import Box, Item, Label
from dataset.spool import Spool

Match = Literal["auto", "id", "file", "sha256"]
MATCHES: tuple[Match, ...] = ("auto", "id", "file", "sha256")
EACH = 50  # told in words, of every kind
SAME_PX = 0.01  # boxes that differ by less are the same: formats round
MOVED_IOU = 0.5  # boxes of one class that overlap so much are one that was moved
MOST_PAIRS = 1000  # labels of one picture that are paired; more are counted as added and removed

Row = tuple[str, Box, str]  # class, box, what else is said of it


@dataclass(slots=True)
class Difference:
    """Counts; of changed pictures the first in words."""

    matched_by: str
    images: Counter[str] = field(default_factory=Counter)  # same, added, removed, changed
    boxes: Counter[str] = field(default_factory=Counter)  # same, added, removed, moved, relabelled, changed
    classes: dict[str, tuple[int, int]] = field(default_factory=dict)  # boxes in A and in B
    told: dict[str, list[str]] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        return not any(count for counts in (self.images, self.boxes) for kind, count in counts.items() if kind != "same")

    @property
    def classes_added(self) -> list[str]:
        return sorted(name for name, (before, after) in self.classes.items() if after and not before)

    @property
    def classes_removed(self) -> list[str]:
        return sorted(name for name, (before, after) in self.classes.items() if before and not after)

    def tell(self, kind: str, words: str) -> None:
        rows = self.told.setdefault(kind, [])
        if len(rows) < EACH:
            rows.append(words)

    def document(self) -> dict[str, object]:
        counts = {name: {"a": a, "b": b} for name, (a, b) in sorted(self.classes.items())}
        return {
            "same": self.same,
            "matched_by": self.matched_by,
            "images": dict(self.images),
            "boxes": dict(self.boxes),
            "classes": {"added": self.classes_added, "removed": self.classes_removed, "boxes": counts},
            "first": self.told,
        }


def diff(one: Iterable[Item], other: Iterable[Item], match: Match, tick: Tick) -> Difference:
    """Both are read once, into a spool; memory stays flat."""
    columns = "id TEXT PRIMARY KEY, file TEXT, sha256 TEXT, body TEXT"
    with Spool(a=columns, b=columns) as spool:
        for table, items in (("a", one), ("b", other)):
            for count, item in enumerate(items, 1):
                spool.add(table, item.id, item.file, item.sha256, _body(item))
                tick(count)
        key = _key(spool) if match == "auto" else match
        difference = Difference(key)
        for table in ("a", "b"):
            spool.run(f"CREATE INDEX {table}_{key} ON {table} ({key})")
        _alone(spool, key, difference)
        for name, before, after in _pairs(spool, key):
            _compare(name, before, after, difference)
        return difference


def _body(item: Item) -> str:
    rows = [[label.category, label.box, _said(label)] for label in item.labels]
    return json.dumps([item.width, item.height, item.sha256, rows])


def _said(label: Label) -> str:
    """All that is said of it but where and what it is, as one text to compare."""
    flags = (label.verified, label.crowd, label.difficult, label.truncated, label.occluded)
    return json.dumps([label.confidence, label.source, label.track, label.point, flags, dict(label.attributes)], sort_keys=True)


def _key(spool: Spool) -> str:
    """Ids where they have some in common; else names of files."""
    shared = "SELECT count(*) FROM (SELECT 1 FROM a JOIN b USING ({}) LIMIT 1)"
    return "id" if spool.value(shared.format("id")) else "file"


def _alone(spool: Spool, key: str, difference: Difference) -> None:
    for kind, here, there in (("removed", "a", "b"), ("added", "b", "a")):
        query = f"SELECT file, body FROM {here} WHERE {key} NOT IN (SELECT {key} FROM {there}) ORDER BY file"  # noqa: S608 (names of ours)
        for file, body in spool.rows(query):
            _, _, _, rows = _read(str(body))
            difference.images[kind] += 1
            difference.boxes[kind] += len(rows)
            _count(difference, [] if kind == "added" else rows, rows if kind == "added" else [])
            difference.tell(f"{kind} images", f"{file} ({len(rows)} boxes)")


def _pairs(spool: Spool, key: str) -> Iterator[tuple[str, str, str]]:
    query = f"SELECT a.file, a.body, b.body FROM a JOIN b ON a.{key} = b.{key} ORDER BY a.file"  # noqa: S608 (names of ours)
    for name, before, after in spool.rows(query):
        yield str(name), str(before), str(after)


def _read(body: str) -> tuple[int, int, str, list[Row]]:
    width, height, digest, rows = json.loads(body)
    return width, height, digest, [(name, (box[0], box[1], box[2], box[3]), said) for name, box, said in rows]


def _count(difference: Difference, before: Sequence[Row], after: Sequence[Row]) -> None:
    for index, rows in enumerate((before, after)):
        for name, _, _ in rows:
            a, b = difference.classes.get(name, (0, 0))
            difference.classes[name] = (a + 1, b) if index == 0 else (a, b + 1)


def _compare(name: str, before: str, after: str, difference: Difference) -> None:
    *old_size, old_digest, old = _read(before)
    *new_size, new_digest, new = _read(after)
    _count(difference, old, new)
    changes = compared(old, new)
    picture = old_size != new_size or bool(old_digest and new_digest and old_digest != new_digest)
    difference.boxes.update(changes)
    changed = picture or any(kind != "same" for kind in changes)
    difference.images["changed" if changed else "same"] += 1
    if changed:
        words = [*(["another picture"] if picture else []), *(f"{n} {kind}" for kind, n in sorted(changes.items()) if kind != "same")]
        difference.tell("changed images", f"{name}: {', '.join(words)}")


def compared(old: Sequence[Row], new: Sequence[Row]) -> Counter[str]:
    """Boxes are paired: the same first, then same place and another class, then same class and a place nearby."""
    left, right = list(old), list(new)
    counts: Counter[str] = Counter()
    if len(left) + len(right) <= MOST_PAIRS:
        _pair(counts, "same", left, right, lambda a, b: a[0] == b[0] and a[2] == b[2] and near(a[1], b[1]))
        _pair(counts, "changed", left, right, lambda a, b: a[0] == b[0] and near(a[1], b[1]))
        _pair(counts, "relabelled", left, right, lambda a, b: iou(a[1], b[1]) >= 0.9)
        _pair(counts, "moved", left, right, lambda a, b: a[0] == b[0] and iou(a[1], b[1]) >= MOVED_IOU)
    elif left == right:
        return Counter(same=len(left))
    counts.update({kind: len(rows) for kind, rows in (("removed", left), ("added", right)) if rows})
    return counts


def _pair(counts: Counter[str], kind: str, left: list[Row], right: list[Row], fits: Callable[[Row, Row], bool]) -> None:
    for a in list(left):
        found = next((b for b in right if fits(a, b)), None)
        if found is not None:
            left.remove(a)
            right.remove(found)
            counts[kind] += 1


def near(a: Box, b: Box) -> bool:
    return all(abs(p - q) <= SAME_PX for p, q in zip(a, b, strict=True))


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes x, y, width, height."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    shared = wide * high
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)
