"""Places that cameras look at, hour by hour: sun, weather, week, people who come and stay; stationary, or changed from some hour on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.drift import AT_LEAST, COUNTS, LEVELS, SCORES, SIZES, VALUES, DriftClass, DriftPictures, DriftWindow
from trainer.drift.measures import Measure, Rows, rows_of

FRAMES, PICTURES = 3600, 720  # an hour: one frame a second after the motion gate, a picture every five seconds
MODEL = "sha256:" + "a" * 64
EDGES = np.array(AT_LEAST[1:])


@dataclass(frozen=True)
class Change:
    """From hour `at` on, in hours after the world's first."""

    at: int
    light: float = 1.0  # times as bright
    score: float = 0.0  # added to every confidence
    people: float = 1.0  # times as many
    size: float = 1.0  # times as large


@dataclass
class World:
    """`rate`: visitors a minute at the busiest hour; `weather`: how much an hour's differs, as the spread of a logarithm. Visitors stay
    for some 30 pictures, in which they look much the same: boxes are far from independent."""

    seed: int
    rate: float = 3.0
    weather: float = 0.35
    change: Change | None = None
    camera: str = "yard"

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        self._peak = self._rng.uniform(10, 17)
        self._score = self._rng.uniform(0.6, 0.85)
        self._side = self._rng.uniform(0.08, 0.25)
        self._scene = self._rng.uniform(0.2, 0.8, VALUES)
        self._clouds = self._busy = 0.0

    def hours(self, count: int) -> dict[int, DriftWindow]:
        return {hour: self.hour(hour) for hour in range(count)}

    def rows(self, days: int) -> dict[Measure, Rows]:
        return rows_of(self.hours(days * 24), 0, days * 24, ["person"])

    def hour(self, hour: int) -> DriftWindow:
        """To be asked in the order of time: weather lasts."""
        rng, change = self._rng, self.change if self.change and hour >= self.change.at else Change(0)
        self._clouds = 0.85 * self._clouds + rng.normal(0, self.weather * 0.53)
        self._busy = 0.6 * self._busy + rng.normal(0, self.weather * 0.8)
        of_day, weekend = hour % 24, hour // 24 % 7 >= 5
        sun = max(0.0, np.sin((of_day - 6) / 12 * np.pi))
        light = (0.12 + 0.5 * sun * np.exp(-0.4 * abs(self._clouds))) * change.light
        busy = 0.03 + np.exp(-((of_day - self._peak) ** 2) / 18)
        visits = rng.poisson(self.rate * 60 * busy * (0.6 if weekend else 1) * np.exp(self._busy) * change.people)
        lasting = np.minimum(400, rng.geometric(1 / 30, visits))
        base = np.clip(rng.beta(8, 2.5, visits) - 0.76 + self._score - 0.12 * (light < 0.2) + change.score, 0.02, 0.98)
        sides = self._side * change.size * rng.lognormal(0, 0.35, visits)
        return DriftWindow.model_construct(
            camera=self.camera, model=MODEL, frames=FRAMES, unanswered=0, left_out=0, pictures=self._pictures(light),
            **self._boxes(base, sides, lasting),
        )  # fmt: skip

    def _boxes(self, base: NDArray[np.float64], sides: NDArray[np.float64], lasting: NDArray[np.int64]) -> dict[str, object]:
        rng = self._rng
        scores = np.clip(np.repeat(base, lasting) + rng.normal(0, 0.05, lasting.sum()), 0, 0.999)
        bins = np.clip(np.floor(SIZES + 2 * np.log2(np.repeat(sides, lasting))), 0, SIZES - 1).astype(int)
        there = np.zeros(FRAMES + 1, int)
        begins = rng.integers(0, FRAMES, len(lasting))
        np.add.at(there, begins, 1)
        np.add.at(there, np.minimum(FRAMES, begins + lasting), -1)
        counts = np.bincount(np.searchsorted(EDGES, np.cumsum(there[:-1]), side="right"), minlength=COUNTS).tolist()
        of = DriftClass.model_construct(
            scores=np.bincount((scores * SCORES).astype(int), minlength=SCORES).tolist(),
            sizes=np.bincount(bins, minlength=SIZES).tolist(), counts=counts,
        )  # fmt: skip
        return {"counts": counts, "classes": {"person": of} if len(lasting) else {}}

    def _pictures(self, light: float) -> DriftPictures:
        rng = self._rng
        seen = np.clip(light + rng.normal(0, 0.02, PICTURES), 0, 0.999)
        sharp = np.clip(7 + np.log2(light + 0.1) + rng.normal(0, 0.15) + rng.normal(0, 0.1, PICTURES), 0, LEVELS - 1)
        mean = self._scene * light + rng.normal(0, 0.01, VALUES)
        return DriftPictures.model_construct(
            count=PICTURES, brightness=np.bincount((seen * LEVELS).astype(int), minlength=LEVELS).tolist(),
            sharpness=np.bincount(sharp.astype(int), minlength=LEVELS).tolist(),
            mean=mean.tolist(), variance=(0.0004 + (self._scene * 0.02) ** 2).tolist(),
        )  # fmt: skip
