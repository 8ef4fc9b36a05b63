"""Loading: a data set on disk as a ground, and the digest of what was judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from contracts.canonical import canonical
from contracts.errors import ConfigError
from dataset.findings import Findings
from dataset.formats.coco_read import CocoReader
from dataset.formats.known import open_reader
from dataset.items import Category, Item, Label
from trainer.judge.ground import Case, Ground, boxes_of
from trainer.judge.slices import slices_of

MACHINES = frozenset({"detection", "detector", "template_match", "shadow"})  # who else says what is there is a person, or a set of others


def ground_of(
    items: Iterable[Item], categories: Sequence[Category], split: str = "", utc_offset_h: float = 0.0
) -> tuple[Ground, list[Item]]:
    """The cases of one split (empty: all), in the order of their ids, and the items they are of."""
    chosen, seen = [], set()
    for item in items:
        seen.add(item.split or "none")
        if not split or item.split == split:
            chosen.append(item)
    if not chosen:
        there = f"it has {', '.join(sorted(seen))}" if seen else "it holds no picture"
        raise ConfigError(f"split {split or 'of all'}: the data set has no picture of it, {there}; name another or prepare the set")
    chosen.sort(key=lambda item: item.id)
    names = tuple(category.name for category in sorted(categories, key=lambda each: each.number))
    numbers = {name: kind for kind, name in enumerate(names)}
    return Ground(names, tuple(_case(item, numbers, utc_offset_h) for item in chosen)), chosen


def _case(item: Item, numbers: dict[str, int], utc_offset_h: float) -> Case:
    labels = [label for label in item.labels if label.category in numbers]
    exhaustive = None if item.exhaustive_for is None else frozenset(numbers[name] for name in item.exhaustive_for if name in numbers)
    return Case(
        item.id,
        recording_of(item),
        boxes_of([label.box for label in labels]),
        np.array([numbers[label.category] for label in labels], np.int64),
        # a machine's word is no truth, but what it says is there may be there: like a crowd, neither asked for nor held against anyone
        np.array([label.crowd or not _is_truth(label) for label in labels], bool),
        boxes_of(item.ignore),
        exhaustive,
        slices_of(item, utc_offset_h),
        item.number,
    )


def _is_truth(label: Label) -> bool:
    return label.verified or label.source not in MACHINES


def recording_of(item: Item) -> str:
    """Device and session; without a session what else joins neighbours: the video, the folder; else the picture stands for itself."""
    origin = item.origin
    session = origin.session or item.sequence or item.file.rpartition("/")[0] or item.id
    return f"{origin.device}/{session}"


def judged_root(ground: Ground) -> str:
    """`sha256:` of exactly what is judged (pictures, truth, doubt, recordings), whatever the order of files or the machine."""
    leaves = sorted(sha256(canonical(_leaf(ground, case))).hexdigest() for case in ground.cases)
    return f"sha256:{sha256(canonical({'classes': list(ground.classes), 'cases': leaves})).hexdigest()}"


def _leaf(ground: Ground, case: Case) -> dict[str, object]:
    rows = sorted(
        [ground.classes[kind], bool(crowd), *map(float, box)] for kind, crowd, box in zip(case.kinds, case.crowd, case.boxes, strict=True)
    )
    known = None if case.exhaustive is None else sorted(ground.classes[kind] for kind in case.exhaustive)
    return {"id": case.id, "recording": case.recording, "labels": rows, "ignore": sorted(case.ignore.tolist()), "exhaustive_for": known}


@dataclass(frozen=True, eq=False)
class Loaded:
    """`items` are those that are judged, `all_items` the whole set; `categories` have the numbers of the files, which may begin at 0."""

    ground: Ground
    items: list[Item]
    all_items: list[Item]
    categories: dict[int, str]


def load_ground(
    path: Path, split: str = "", form: str | None = None, utc_offset_h: float = 0.0, sides: Callable[[Item], str | None] | None = None
) -> Loaded:
    """Of any format that is known. What cannot be read refuses the whole: a test set with holes is another test set.

    `sides` says of each item where it is, in place of what the set says.
    """
    findings = Findings()
    reader = open_reader(path, form, findings)
    try:
        items = list(reader)
        if findings.skipped:
            reason = next(iter(findings.skipped))
            count = sum(findings.skipped.values())
            raise ConfigError(f"{path}: {count} entries cannot be read ({reason}); run `dataset check` and mend them")
        if sides is not None:
            items = [replace(item, split=sides(item) or "held") for item in items]
        ground, chosen = ground_of(items, reader.categories, split, utc_offset_h)
        pinned = {each.number: each.name for each in reader.categories}
        return Loaded(ground, chosen, items, reader.written if isinstance(reader, CocoReader) else pinned)
    finally:
        reader.close()
