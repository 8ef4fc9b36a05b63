"""Ground and answers as COCO's columns, with ids of our own from 1: an id of 0 silently lowers the AP that some evaluators count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.judge.ground import Answers, Case, Doubles, Ground, Ints, boxes_of, paired


@dataclass(frozen=True, eq=False)
class CocoRows:
    """Labels as columns; `said` has seven: image, x, y, width, height, score, category."""

    images: list[dict[str, int]]
    categories: list[dict[str, int | str]]
    image: Ints
    category: Ints
    boxes: Doubles
    crowd: Ints
    said: Doubles

    @property
    def area(self) -> Doubles:
        return np.asarray(self.boxes[:, 2] * self.boxes[:, 3])


def coco_rows(ground: Ground, answers: Answers) -> CocoRows:
    labels: list[Doubles] = [np.zeros((0, 7))]
    said: list[Doubles] = [np.zeros((0, 7))]
    for n, (case, found) in enumerate(paired(ground, answers), 1):
        labels += _labels(n, case, len(ground.classes))
        known = (found.kinds >= 0) & (found.kinds < len(ground.classes))
        image = np.full(int(known.sum()), float(n))
        said.append(np.column_stack([image, found.boxes[known], found.confidence[known], found.kinds[known] + 1]))
    rows = np.concatenate(labels)
    whole = rows.astype(np.int64)
    return CocoRows(
        # the size decides nothing here
        [{"id": n, "width": 1, "height": 1} for n in range(1, len(ground.cases) + 1)],
        [{"id": k, "name": name} for k, name in enumerate(ground.classes, 1)],
        whole[:, 0],
        whole[:, 5],
        boxes_of(rows[:, 1:5]),
        whole[:, 6],
        np.concatenate(said),
    )


def _labels(image: int, case: Case, classes: int) -> list[Doubles]:
    """Regions of doubt are crowds to COCO: what is in one is neither right nor wrong."""
    rows = []
    for kind in range(classes):
        for boxes, crowd in ((case.wanted(kind), 0), (case.doubtful(kind), 1)):
            ones = np.ones(len(boxes))
            rows.append(np.column_stack([image * ones, boxes, (kind + 1) * ones, crowd * ones]))
    return rows
