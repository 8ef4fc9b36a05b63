"""Random grounds and answers, hostile ones among them, and the oracle that counts them too."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np

from trainer.judge.coco_rows import coco_rows
from trainer.judge.evaluator import Scores, scores
from trainer.judge.ground import Answers, Case, Found, Ground, boxes_of

HOSTILE = ("plain", "empty classes", "crowds", "nothing said", "nothing there", "no area", "equal confidence", "partial", "many")


def case_of(name: str, boxes: Any = (), kinds: Any = None, **more: Any) -> Case:
    boxes = boxes_of(boxes)
    kinds = np.zeros(len(boxes), np.int64) if kinds is None else np.asarray(kinds, np.int64)
    plain: dict[str, Any] = {"recording": name, "crowd": np.zeros(len(boxes), bool), "ignore": boxes_of([])}
    plain |= {"ignore": boxes_of(more.pop("ignore", []))}
    return Case(name, boxes=boxes, kinds=kinds, **(plain | more))


def found_of(boxes: Any = (), confidence: Any = (), kinds: Any = None) -> Found:
    boxes = boxes_of(boxes)
    kinds = np.zeros(len(boxes), np.int64) if kinds is None else np.asarray(kinds, np.int64)
    return Found(boxes, np.asarray(confidence, np.float64), kinds)


def random_ground(seed: int) -> tuple[Ground, dict[str, Found]]:
    """A small set; `seed` chooses what is strange about it too."""
    dice = np.random.default_rng(seed)
    way = HOSTILE[seed % len(HOSTILE)]
    classes = int(dice.integers(1, 5))
    cases, answers = [], {}
    for n in range(int(dice.integers(1, 8))):
        case = _case(dice, f"p{n}", classes, way)
        cases.append(case)
        answers[case.id] = _found(dice, case, classes, way)
    names = tuple(f"class {k}" for k in range(classes + (2 if way == "empty classes" else 0)))
    return Ground(names, tuple(cases)), answers


def _boxes(dice: np.random.Generator, count: int) -> Any:
    """On whole pixels, so that overlaps of exactly one half come up; small, middle and large ones."""
    sides = np.floor(2 ** dice.uniform(1, 7.5, (count, 2)))
    return np.concatenate([dice.integers(0, 150, (count, 2)), sides], axis=1).astype(np.float64)


def _case(dice: np.random.Generator, name: str, classes: int, way: str) -> Case:
    boxes = _boxes(dice, 0 if way == "nothing there" else int(dice.integers(0, 12)))
    if way == "no area" and len(boxes):
        boxes[::2, 2 + int(dice.integers(2))] = 0
    crowd = dice.random(len(boxes)) < (0.4 if way == "crowds" else 0.0)
    partial = way == "partial"
    exhaustive = frozenset(np.flatnonzero(dice.random(classes) < 0.6).tolist()) if partial else None
    ignore = _boxes(dice, int(dice.integers(0, 3))) if partial else boxes_of([])
    return Case(name, name, boxes, dice.integers(0, classes, len(boxes)), crowd, ignore, exhaustive)


def _found(dice: np.random.Generator, case: Case, classes: int, way: str) -> Found:
    if way == "nothing said":
        return Found.nothing()
    near = case.boxes + dice.integers(-4, 5, case.boxes.shape) * (dice.random(case.boxes.shape) < 0.5)
    near[:, 2:] = np.maximum(near[:, 2:], 0 if way == "no area" else 1)
    boxes = np.concatenate([near, case.boxes[::2], _boxes(dice, 250 if way == "many" else int(dice.integers(0, 8)))])
    kinds = np.concatenate([case.kinds, case.kinds[::2], np.zeros(0, np.int64)])
    kinds = np.concatenate([kinds, dice.integers(0, classes, len(boxes) - len(kinds))])
    confidence = np.round(dice.random(len(boxes)), 1) if way in {"equal confidence", "many"} else dice.random(len(boxes))
    return Found(boxes, confidence, kinds)


def oracle(ground: Ground, answers: Answers) -> Scores:
    """pycocotools on the same set."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    rows = coco_rows(ground, answers)
    labels = zip(rows.image, rows.category, rows.boxes, rows.crowd, rows.area, strict=True)
    annotations = [
        {"id": n, "image_id": int(i), "category_id": int(k), "bbox": list(map(float, b)), "iscrowd": int(c), "area": float(a)}
        for n, (i, k, b, c, a) in enumerate(labels, 1)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {"images": rows.images, "categories": rows.categories, "annotations": annotations}
        truth.createIndex()
        judged = COCOeval(truth, _said(truth, rows.said), "bbox")
        judged.evaluate()
        judged.accumulate()
    return scores(judged.eval["precision"], judged.eval["recall"], ground.classes)


def _said(truth: Any, said: Any) -> Any:
    from pycocotools.coco import COCO

    rows = [
        {
            "image_id": int(r[0]),
            "bbox": r[1:5].tolist(),
            "score": float(r[5]),
            "category_id": int(r[6]),
            "area": float(r[3] * r[4]),
            "id": n,
        }
        for n, r in enumerate(said, 1)
    ]
    result = COCO()
    result.dataset = {
        "images": truth.dataset["images"],
        "categories": truth.dataset["categories"],
        "annotations": [r | {"iscrowd": 0} for r in rows],
    }
    result.createIndex()
    return result
