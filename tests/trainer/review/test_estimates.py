"""Estimates against a world that is known whole: boxes keep by doubt and by chance, people label by turn and stop in the middle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from trainer.judge.ground import Doubles
from trainer.review.estimates import Looked, estimate, in_turn
from trainer.review.worth import BOX_S, LOOK_S, WEIGHTS

RECORDINGS, FRAMES, DAYS = 60, 150, 6
BEST, UNIFORM, LABELLED = 60, 0.01, 220
WORLDS = 200


@dataclass(frozen=True)
class World:
    """Of each frame: its recording, what was seen rightly, wrongly and not at all, and whether the model doubts it."""

    recording: Any
    right: Any
    wrong: Any
    missed: Any
    doubted: Any

    @property
    def precision(self) -> float:
        return float(self.right.sum() / (self.right + self.wrong).sum())

    @property
    def recall(self) -> float:
        return float(self.right.sum() / (self.right + self.missed).sum())


def world(rng: np.random.Generator) -> World:
    """Recordings differ, and where it is hard the model doubts, is wrong and misses: what is kept for a doubt is worse than the rest."""
    recording = np.repeat(np.arange(RECORDINGS), FRAMES)
    hard = rng.random(len(recording)) < np.repeat(rng.beta(2, 8, RECORDINGS), FRAMES)
    things = rng.poisson(1.2, len(recording))
    right = rng.binomial(things, np.where(hard, 0.6, 0.97))
    wrong = rng.poisson(np.where(hard, 0.6, 0.03))
    doubted = rng.random(len(recording)) < np.where(hard, 0.7, 0.04)
    return World(recording, right, wrong, things - right, doubted)


def kept(whole: World, rng: np.random.Generator) -> tuple[Any, Doubles]:
    """What boxes keep, and the probability of each: the best of the doubted of a day, and some by chance."""
    count = len(whole.recording)
    lots, weights = rng.random(count), np.where(whole.doubted, rng.choice([0.3, 1.0, 3.0], count), 0.0)
    best = np.zeros(count)
    rank = weights / lots
    for day in range(DAYS):
        here = np.flatnonzero((whole.recording % DAYS == day) & whole.doubted)
        order = here[np.argsort(-rank[here])]
        threshold = rank[order[BEST]] if len(order) > BEST else 0.0
        best[order] = np.minimum(1, weights[order] / threshold) if threshold else 1.0
    chosen = (rank > 0) & (lots < best) | (rng.random(count) < UNIFORM)
    return chosen, 1 - (1 - best) * (1 - UNIFORM)


def queued(whole: World, rng: np.random.Generator) -> list[Looked]:
    """Highest turn first."""
    chosen, probability = kept(whole, rng)
    found = []
    for n in np.flatnonzero(chosen):
        boxes = int(whole.right[n] + whole.wrong[n])
        value = WEIGHTS.get("low_confidence" if whole.doubted[n] else "uniform", 1.0) / (LOOK_S + BOX_S * boxes)
        facts = int(whole.right[n]), int(whole.wrong[n]), int(whole.missed[n])
        found.append(Looked(1 / probability[n], value, value / (1 - rng.random()), f"r{whole.recording[n]}", *facts))
    return sorted(found, key=lambda each: -each.turn)


def test_figures_of_the_field_are_unbiased_where_counting_is_not_and_their_bounds_hold() -> None:
    """200 worlds of 9,000 frames, of which 220 are labelled."""
    errors: dict[str, list[float]] = {"precision": [], "recall": []}
    naive: dict[str, list[float]] = {"precision": [], "recall": []}
    held: dict[str, list[tuple[bool, bool]]] = {"precision": [], "recall": []}
    for seed in range(WORLDS):
        rng = np.random.default_rng([7, seed])
        whole = world(rng)
        queue = queued(whole, rng)
        found = estimate(queue[:LABELLED], queue[LABELLED].turn)
        assert found.pictures == LABELLED
        for name, truth in (("precision", whole.precision), ("recall", whole.recall)):
            share = getattr(found, name)
            errors[name].append(share.interval.estimate - truth)
            naive[name].append(share.naive - truth)
            held[name].append((share.interval.low <= truth, truth <= share.interval.high))
    for name, off in errors.items():
        bias, wrong = float(np.mean(off)), float(np.mean(naive[name]))
        low, high = np.mean(held[name], axis=0)
        assert abs(bias) < 0.02, "a ratio of few pictures leans a little"
        assert wrong < -0.2, "the world must be one where counting goes wrong"
        assert low >= 0.92
        assert high >= 0.92


def test_what_stands_for_all_adds_up_to_all() -> None:
    sums = []
    for seed in range(60):
        rng = np.random.default_rng([9, seed])
        queue = queued(world(rng), rng)
        sums.append(sum(weight for _, weight in in_turn(queue[:LABELLED], queue[LABELLED].turn)))
    assert np.mean(sums) == pytest.approx(RECORDINGS * FRAMES, rel=0.03)


def looked(number: int, right: int, wrong: int = 0, missed: int = 0, weight: float = 1.0) -> Looked:
    return Looked(weight, 1.0, 10.0 + number, f"r{number}", right, wrong, missed)


def test_who_was_looked_at_out_of_turn_says_nothing() -> None:
    rows = [looked(1, 1), looked(2, 0, 1)]
    assert estimate(rows, 11.5).precision.interval.estimate == 0.0
    assert estimate(rows, 100.0).pictures == 0
    assert np.isnan(estimate(rows, 100.0).precision.interval.estimate)
    assert estimate(rows, 0.0).precision.interval.estimate == 0.5


def test_one_recording_gives_no_bounds_and_nothing_but_hits_no_certainty() -> None:
    alone = estimate([looked(1, 3), looked(1, 3)], 0.0)
    assert np.isnan(alone.precision.interval.low)
    sure = estimate([looked(n, 2) for n in range(8)], 0.0).precision.interval
    assert (sure.estimate, sure.high) == (1.0, 1.0)
    assert 0.5 < sure.low < 0.8, "eight recordings, not sixteen boxes"


def test_a_weight_counts_like_so_many_pictures() -> None:
    heavy = estimate([looked(1, 1, weight=3.0), looked(2, 0, 1)], 0.0).precision
    assert (heavy.interval.estimate, heavy.naive, heavy.trials) == (0.75, 0.5, 2)
