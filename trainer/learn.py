"""The training loop: seeded, resumable at every round, one running average of the weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from trainer.loss import loss
from trainer.network import Network
from trainer.sample import Sample
from trainer.targets import target


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn."""

    rounds: int = 30
    batches: int = 40  # a round
    batch: int = 8  # pictures
    rate: float = 2e-3  # highest learning rate, of the new layers
    backbone_rate: float = 5e-4
    warm_up: int = 100  # batches
    decay: float = 0.02  # of the weights
    average: float = 0.995  # share of the running average kept at each batch
    frozen: int = 7  # blocks of the backbone that keep their weights
    seed: int = 1


class Pictures(Protocol):
    """Where training pictures come from; all of one size."""

    def draw(self) -> Sample: ...


@dataclass(frozen=True)
class Progress:
    done: int
    rounds: int
    loss: float


def batches(pictures: Pictures, size: int, classes: int) -> Iterator[tuple[Tensor, ...]]:
    """Endless: image (B, 3, H, W), centre, judged, box, weight."""
    while True:
        samples = [pictures.draw() for _ in range(size)]
        height, width = samples[0].image.shape[:2]
        goals = [target(s.boxes, np.zeros(len(s.boxes), np.int64), s.ignored, height, width, classes) for s in samples]
        images = torch.from_numpy(np.stack([s.image for s in samples])).permute(0, 3, 1, 2).float()
        parts = [np.stack([getattr(goal, name) for goal in goals]) for name in ("centre", "judged", "box", "weight")]
        yield images, *(torch.from_numpy(part) for part in parts)


def learn(
    network: Network,
    pictures: Callable[[int], Pictures],
    schedule: Schedule,
    checkpoint: Path | None = None,
    report: Callable[[Progress], None] = lambda _: None,
) -> Network:
    """Trains in place and returns the averaged network. `pictures(round)` makes a round's pictures: a resumed run sees the same."""
    torch.manual_seed(schedule.seed)
    network.backbone.freeze(schedule.frozen)
    average = copy.deepcopy(network)
    optimiser = _optimiser(network, schedule)
    first = _resume(checkpoint, network, average, optimiser)
    for number in range(first, schedule.rounds):
        mean = _round(network, average, optimiser, pictures(number), schedule, number)
        _keep(checkpoint, number + 1, network, average, optimiser)
        report(Progress(number + 1, schedule.rounds, mean))
    return average.eval()


def _optimiser(network: Network, schedule: Schedule) -> torch.optim.AdamW:
    old = [p for p in network.backbone.parameters() if p.requires_grad]
    known = {id(p) for p in network.backbone.parameters()}
    new = [p for p in network.parameters() if id(p) not in known]
    groups = [{"params": new, "top": schedule.rate}, {"params": old, "top": schedule.backbone_rate}]
    return torch.optim.AdamW(groups, lr=schedule.rate, weight_decay=schedule.decay)


def _round(
    network: Network, average: Network, optimiser: torch.optim.AdamW, pictures: Pictures, schedule: Schedule, number: int
) -> float:
    network.train()
    total = 0.0
    source = batches(pictures, schedule.batch, network.classes)
    for i in range(schedule.batches):
        step = number * schedule.batches + i
        for group in optimiser.param_groups:
            group["lr"] = group["top"] * _rate(step, schedule)
        image, *goal = next(source)
        value = loss(network(image), *goal)
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        _follow(average, network, min(schedule.average, (1 + step) / (10 + step)))
        total += value.item()
    return total / schedule.batches


def _rate(step: int, schedule: Schedule) -> float:
    """Up in a line, down along half a cosine."""
    if step < schedule.warm_up:
        return (step + 1) / schedule.warm_up
    done = (step - schedule.warm_up) / max(schedule.rounds * schedule.batches - schedule.warm_up, 1)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * min(done, 1.0))) / 2


@torch.no_grad()
def _follow(average: Network, network: Network, keep: float) -> None:
    mine, theirs = average.state_dict(), network.state_dict()
    for name, value in mine.items():
        if value.dtype.is_floating_point:
            value.mul_(keep).add_(theirs[name], alpha=1 - keep)
        else:
            value.copy_(theirs[name])


def _keep(checkpoint: Path | None, done: int, network: Network, average: Network, optimiser: torch.optim.AdamW) -> None:
    if checkpoint is None:
        return
    state = {"done": done, "network": network.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict()}
    part = checkpoint.with_suffix(".part")
    torch.save(state, part)
    part.replace(checkpoint)


def _resume(checkpoint: Path | None, network: Network, average: Network, optimiser: torch.optim.AdamW) -> int:
    if checkpoint is None or not checkpoint.exists():
        return 0
    state = torch.load(checkpoint, weights_only=True)
    network.load_state_dict(state["network"])
    average.load_state_dict(state["average"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["done"])
