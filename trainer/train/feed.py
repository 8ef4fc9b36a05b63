"""Feed: batches made by threads a little ahead of the arithmetic.

Each picture depends on seed, epoch and place alone, so a run that is resumed sees what it would have seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.targets import Target
from trainer.train.augment import Augmenter
from trainer.train.example import Example, Image, Ints
from trainer.train.goals import goal

AHEAD = 3  # batches that are made or waiting


@dataclass(frozen=True)
class Shard:
    """Which part of every step is this process's."""

    rank: int = 0
    world: int = 1


@dataclass(frozen=True, eq=False)
class Batch:
    """`images` (B, 3, H, W) 0..255; the goals as trainer.loss takes them."""

    images: Tensor
    goals: tuple[Tensor, Tensor, Tensor, Tensor]
    indices: tuple[int, ...]

    def to(self, device: torch.device) -> Batch:
        moved = tuple(each.to(device, non_blocking=True) for each in self.goals)
        return Batch(self.images.to(device, non_blocking=True), (moved[0], moved[1], moved[2], moved[3]), self.indices)


def shares(examples: Sequence[Example], inverse: bool, cap: float) -> NDArray[np.float64]:
    """How often each is drawn in the mean, 1 together with the others: as it is, or as rare as it was kept (Horvitz and Thompson 1952)."""
    if not inverse:
        return np.ones(len(examples))
    weights = np.array([1 / max(example.probability or 1.0, 1e-6) for example in examples])
    weights = np.minimum(weights / weights.mean(), cap)
    return np.asarray(weights / weights.mean())


def order(epoch: int, length: int, weights: NDArray[np.float64], seed: int) -> Ints:
    """Numbers of the pictures of an epoch: each as often as its share, the fraction by chance; from the start again when short."""
    random = np.random.default_rng((seed, epoch))
    found: list[Ints] = []
    while sum(map(len, found)) < length:
        edges = np.cumsum(weights) + random.random()
        counts = np.diff(np.floor(np.concatenate([[edges[0] - weights[0]], edges])).astype(np.int64))
        found.append(random.permutation(np.repeat(np.arange(len(weights)), counts)))
    return np.concatenate(found)[:length]


class Feed:
    """Its threads end with it. An exception of one of them is raised where the batch is asked for."""

    def __init__(
        self, augmenter: Augmenter, weights: NDArray[np.float64], size: tuple[int, int], classes: int, batch: int, seed: int,
        loaders: int, shard: Shard = Shard(),
    ) -> None:  # fmt: skip
        self._augmenter, self._weights, self._size, self._classes = augmenter, weights, size, classes
        self._batch, self._seed, self._shard = batch, seed, shard
        self._pool = ThreadPoolExecutor(loaders, thread_name_prefix="load")

    def batches(self, epoch: int, count: int, first: int = 0, mosaic: bool = True) -> Iterator[Batch]:
        """`count` batches of this process in an epoch, from number `first`."""
        whole = order(epoch, count * self._batch * self._shard.world, self._weights, self._seed)
        mine = whole.reshape(count, self._shard.world, self._batch)[:, self._shard.rank]
        waiting: deque[list[Future[tuple[Image, Target]]]] = deque()
        ask = iter(range(first, count))
        try:
            for number in range(first, count):
                while len(waiting) < AHEAD and (next_one := next(ask, None)) is not None:
                    waiting.append(self._ask(epoch, next_one, mine[next_one], mosaic))
                made = [future.result() for future in waiting.popleft()]
                yield _stacked(made, tuple(int(index) for index in mine[number]))
        finally:
            for future in (each for futures in waiting for each in futures):
                future.cancel()

    def _ask(self, epoch: int, number: int, indices: Ints, mosaic: bool) -> list[Future[tuple[Image, Target]]]:
        start = (number * self._shard.world + self._shard.rank) * self._batch
        return [self._pool.submit(self._make, epoch, start + n, int(index), mosaic) for n, index in enumerate(indices)]

    def _make(self, epoch: int, place: int, index: int, mosaic: bool) -> tuple[Image, Target]:
        random = np.random.default_rng((self._seed, epoch, place))
        image, marks = self._augmenter.sample(index, random, mosaic)
        return image, goal(marks, *self._size, self._classes)

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def _stacked(made: list[tuple[Image, Target]], indices: tuple[int, ...]) -> Batch:
    """Copied into torch's own memory, whose alignment is always the same: so are the sums, to the last bit."""
    images = torch.tensor(np.stack([image for image, _ in made])).permute(0, 3, 1, 2).float().contiguous()
    centre, judged, box, weight = (
        torch.tensor(np.stack([getattr(target, name) for _, target in made])) for name in ("centre", "judged", "box", "weight")
    )
    return Batch(images, (centre, judged, box, weight), indices)
