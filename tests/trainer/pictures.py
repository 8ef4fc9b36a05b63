"""Rendered pictures with known boxes: dark figures with a light head on a noisy ground."""

from __future__ import annotations

import numpy as np

from trainer.sample import Sample


def rendered(seed: int, height: int = 64, width: int = 128, most: int = 3) -> Sample:
    random = np.random.default_rng(seed)
    image = random.integers(110, 190, (height, width, 3)).astype(np.uint8)
    boxes: list[list[int]] = []
    for _ in range(int(random.integers(1, most + 1))):
        tall = int(random.integers(height // 4, height // 2))
        wide = max(tall // 2, 8)
        x, y = int(random.integers(0, width - wide)), int(random.integers(0, height - tall))
        if any(abs(x - b[0]) < 24 and abs(y - b[1]) < 40 for b in boxes):
            continue
        image[y : y + tall, x : x + wide] = (30, 20, 40)
        image[y : y + tall // 4, x + wide // 4 : x + 3 * wide // 4] = (230, 200, 180)
        boxes.append([x, y, x + wide, y + tall])
    return Sample(image, np.array(boxes, np.float32).reshape(-1, 4), np.zeros((0, 4), np.float32))


class Drawer:
    """The same few pictures again and again: what a network that can learn at all learns by heart."""

    def __init__(self, samples: list[Sample]) -> None:
        self._samples = samples
        self._next = 0

    def draw(self) -> Sample:
        sample = self._samples[self._next % len(self._samples)]
        self._next += 1
        return sample
