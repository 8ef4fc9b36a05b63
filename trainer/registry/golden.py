"""Golden: which pictures a bundle carries: what it is sure of, what is hard and right, an empty one, each class, of many boxes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from contracts.errors import ConfigError, StorageError
from dataset.items import Item
from dataset.layout import read_small
from trainer.judge.ground import Answers, Case, Found, Ground, paired
from trainer.judge.matching import overlaps
from trainer.registry.lesson import Lesson

LEAST_IOU = 0.5
CLEAR = 0.06  # confidence between an answer and its floor, so that an engine that rounds otherwise does not change what is seen
MOST_BYTES = 4 << 20  # of a picture
MOST_TOGETHER = 24 << 20
MOST_ASKED = 400  # pictures the model is asked about to choose


@dataclass(frozen=True)
class Seen:
    """A picture and how the model did on it. `margin`: between its least sure thing shown, or its surest not shown, and the floor."""

    item: Item
    right: bool
    empty: bool
    margin: float
    labels: frozenset[str]


@dataclass(frozen=True)
class Chosen:
    """`why`: sure, hard, empty, class NAME, any."""

    item: Item
    why: str
    data: bytes


def sample(lesson: Lesson, most: int = MOST_ASKED) -> Lesson:
    """At most so many validation pictures, always the same of the same set, from all recordings alike."""
    order = sorted(range(len(lesson.val)), key=lambda n: sha256(lesson.val[n].id.encode()).digest())[:most]
    order.sort()
    ground = Ground(lesson.ground.classes, tuple(lesson.ground.cases[n] for n in order))
    return Lesson(tuple(lesson.val[n] for n in order), ground, lesson.sampling)


def choose_golden(lesson: Lesson, answers: Answers, floors: Mapping[str, float], most: int = 8) -> list[Chosen]:
    """At most `most`, each once, boxes taking turns; the same for the same pictures and answers. ConfigError: none can be carried."""
    seen = [*_seen(lesson, answers, floors)]
    chosen: dict[str, Chosen] = {}
    devices: dict[str, int] = {}
    together = 0
    for why, each in _wishes(seen, lesson.ground.classes, devices):
        if len(chosen) >= most:
            break
        if each.item.id in chosen:
            continue
        data = _picture(each.item)
        if data is None or together + len(data) > MOST_TOGETHER:
            continue
        chosen[each.item.id] = Chosen(each.item, why, data)
        together += len(data)
        devices[each.item.origin.device] = devices.get(each.item.origin.device, 0) + 1
    if not chosen:
        raise ConfigError(f"golden pictures: none of {len(seen)} can be carried (at most {MOST_BYTES} bytes each); give some with --golden")
    return list(chosen.values())


def _wishes(seen: Sequence[Seen], classes: Sequence[str], devices: Mapping[str, int]) -> Iterator[tuple[str, Seen]]:
    """In the order in which they are wanted, again and again; each pass the boxes that have least go first."""
    right = [each for each in seen if each.right and not each.empty and each.margin >= CLEAR]
    empty = [each for each in seen if each.right and each.empty and each.margin >= CLEAR]
    kinds = {f"class {name}": [each for each in right if name in each.labels] for name in classes}
    wishes = {"sure": right, "hard": right, "empty": empty, **kinds}
    given: set[str] = set()
    for _ in range(max(len(seen), 1)):
        before = len(given)
        for why, of in wishes.items():
            left = [each for each in of if each.item.id not in given]
            if left:
                best = min(left, key=lambda each, why=why: _rank(each, why, devices))  # type: ignore[misc]  # mypy does not see the default
                given.add(best.item.id)
                yield why, best
        if len(given) == before:
            break
    for each in sorted((each for each in seen if each.item.id not in given), key=lambda each: _rank(each, "any", devices)):
        yield "any", each


def _rank(each: Seen, why: str, devices: Mapping[str, int]) -> tuple[int, float, str]:
    return devices.get(each.item.origin.device, 0), each.margin if why == "hard" else -each.margin, each.item.id


def _seen(lesson: Lesson, answers: Answers, floors: Mapping[str, float]) -> Iterator[Seen]:
    of = np.array([floors[name] for name in lesson.ground.classes])
    for item, (case, found) in zip(lesson.val, paired(lesson.ground, answers), strict=True):
        yield _judged(item, case, found, of, lesson.ground.classes)


def _judged(
    item: Item, case: Case, found: Found, floors: np.ndarray[tuple[int, ...], np.dtype[np.float64]], classes: Sequence[str]
) -> Seen:
    shown = found.confidence >= floors[found.kinds]
    away = np.abs(found.confidence - floors[found.kinds])
    sure = all(case.is_exhaustive(kind) for kind in range(len(classes))) and not case.crowd.any() and not len(case.ignore)
    right = sure
    for kind in range(len(classes)):
        truths, mine = case.wanted(kind), found.boxes[shown & (found.kinds == kind)]
        right = right and len(mine) == len(truths) and _one_to_one(mine, truths)
    margin = float(away.min()) if len(away) else 1.0
    labels = frozenset(classes[kind] for kind in set(case.kinds.tolist()))
    return Seen(item, right, sure and not len(case.boxes) and not shown.any(), margin, labels)


def _one_to_one(mine: np.ndarray[tuple[int, ...], np.dtype[np.float64]], truths: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> bool:
    if not len(mine):
        return True
    near = overlaps(mine, truths) >= LEAST_IOU
    return bool((near.sum(axis=0) == 1).all() and (near.sum(axis=1) == 1).all())


def _picture(item: Item) -> bytes | None:
    try:
        return read_small(item.path, MOST_BYTES) if item.path else None
    except StorageError:  # larger, or gone since: another one is as good
        return None
