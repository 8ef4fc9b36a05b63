"""Goals: what the network should have answered, class by class, and where it is not judged."""

from __future__ import annotations

import numpy as np

from trainer.boxes import area
from trainer.network import STRIDE
from trainer.targets import CORE, Target, blob
from trainer.train.example import EVERY, Marks


def goal(marks: Marks, height: int, width: int, kinds: int) -> Target:
    """As trainer.targets has it, but `judged` is of each class: (C, H, W). What is labelled is always judged."""
    rows, columns = height // STRIDE, width // STRIDE
    centre = np.zeros((kinds, rows, columns), np.float32)
    box = np.zeros((4, rows, columns), np.float32)
    weight = np.zeros((rows, columns), np.float32)
    judged = np.ones((kinds, rows, columns), np.float32)
    for (x1, y1, x2, y2), kind in zip(marks.ignored / STRIDE, marks.ignored_kinds, strict=True):
        whose = slice(None) if kind == EVERY else int(kind)
        judged[whose, max(int(y1), 0) : int(np.ceil(y2)), max(int(x1), 0) : int(np.ceil(x2))] = 0
    for index in np.argsort(-area(marks.boxes), kind="stable"):  # small ones last: they win a cell two boxes want
        bell, kind = blob(marks.boxes[index], rows, columns), int(marks.kinds[index])
        centre[kind] = np.maximum(centre[kind], bell)
        core = (bell >= CORE) & (bell >= weight)
        weight[core] = bell[core]
        box[:, core] = marks.boxes[index][:, None]
        judged[kind, bell >= CORE] = 1
    return Target(centre, judged, box, weight)
