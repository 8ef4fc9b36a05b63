"""Score: what a network says of the val pictures, prepared as on the box, and how good that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from contracts.bundle import Input
from contracts.errors import HardwareError
from dataset.items import Item
from trainer.judge.asking import FLOOR
from trainer.judge.evaluator import Scores
from trainer.judge.ground import Answers, Found, Ground, boxes_of
from trainer.judge.hotcoco_evaluator import evaluator
from trainer.network import PEAKS, STRIDE, Answer, Network
from trainer.train.pictures import read_rgb
from trainer.train.weights import About
from vision.letterbox import Fit
from vision.planes import BgrPlanes
from vision.prepare import Prepare

MULTIPLE = 32
AT_ONCE = 8  # pictures of one shape
Tick = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Ready:
    """A picture as the network takes it, and the way back."""

    id: str
    tensor: NDArray[np.uint8]
    fit: Fit


def input_of(about: About) -> Input:
    """What a bundle of these weights takes. Inputs of a picture's own shape only where the narrowest still has room for all answers."""
    narrowest = max(about.size) // STRIDE * (MULTIPLE // STRIDE) * len(about.classes)
    return Input(name="image", size=about.size, multiple=MULTIPLE if narrowest >= PEAKS else None)


def answers(network: Network, about: About, items: Sequence[Item], tick: Tick = lambda _: None) -> dict[str, Found]:
    """By picture, down to a confidence that changes no figure. HardwareError for a picture that cannot be read."""
    asked, device = Answer(network).eval(), next(network.parameters()).device
    found: dict[str, Found] = {}
    with torch.inference_mode():
        for group in _groups(items, Prepare(input_of(about))):
            tensor = torch.from_numpy(np.concatenate([each.tensor for each in group])).to(device)
            for each, rows in zip(group, asked(tensor).cpu().numpy(), strict=True):
                found[each.id] = _found(rows, each.fit)
            tick(len(found))
    return found


def _groups(items: Sequence[Item], prepare: Prepare) -> Iterator[list[Ready]]:
    group: list[Ready] = []
    for item in items:
        if item.path is None:
            raise HardwareError(f"picture {item.id}: its file is not in the data set; bring it back")
        image = read_rgb(item.path, item.width, item.height, item.sha256)
        tensor, fit = prepare(BgrPlanes(np.ascontiguousarray(image[..., ::-1])))
        if group and (group[0].tensor.shape != tensor.shape or len(group) == AT_ONCE):
            yield group
            group = []
        group.append(Ready(item.id, tensor, fit))
    if group:
        yield group


def _found(rows: NDArray[np.float32], fit: Fit) -> Found:
    rows = rows[rows[:, 4] >= FLOOR]
    corners = fit.clip(fit.back(rows[:, :4])).astype(np.float64)
    boxes = np.concatenate([corners[:, :2], np.maximum(corners[:, 2:] - corners[:, :2], 0)], axis=1)
    return Found(boxes_of(boxes), np.clip(rows[:, 4], 0, 1).astype(np.float64), rows[:, 5].astype(np.int64))


def scored(ground: Ground, said: Answers) -> Scores:
    return evaluator().evaluate(ground, said)
