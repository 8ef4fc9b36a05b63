"""Bounds: Student's t, Wilson, and that the bounds of the bootstrap hold as often as they promise."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from trainer.gates.bounds import draws, effective_trials, expanded_tail, interval, recordings_needed, wilson, worse_of
from trainer.gates.measures import Ratio
from trainer.gates.student import t_below, t_quantile


@pytest.mark.parametrize(
    ("freedom", "at_95", "at_975"),
    [(1, 6.3138, 12.7062), (2, 2.9200, 4.3027), (5, 2.0150, 2.5706), (9, 1.8331, 2.2622), (30, 1.6973, 2.0423), (100, 1.6602, 1.9840)],
)
def test_students_t_is_that_of_the_tables(freedom: int, at_95: float, at_975: float) -> None:
    assert t_quantile(0.95, freedom) == pytest.approx(at_95, abs=1e-4)
    assert t_quantile(0.975, freedom) == pytest.approx(at_975, abs=1e-4)
    assert t_below(t_quantile(0.2, freedom), freedom) == pytest.approx(0.2)
    assert t_below(0.0, freedom) == pytest.approx(0.5)


def test_with_many_recordings_it_is_the_normal_distribution() -> None:
    assert t_quantile(0.95, 5000) == pytest.approx(NormalDist().inv_cdf(0.95))
    assert t_quantile(0.95, 1999) == pytest.approx(t_quantile(0.95, 2000), abs=2e-3)
    assert expanded_tail(10_000, 0.95) == pytest.approx(0.05, abs=1e-4)


def test_the_tail_that_is_cut_off_is_smaller_the_fewer_recordings_there_are() -> None:
    tails = [expanded_tail(n, 0.95) for n in (5, 10, 20, 50, 200)]
    assert tails == sorted(tails)
    assert 0.005 < tails[0] < tails[-1] < 0.05


def test_wilsons_bounds_are_those_of_the_literature() -> None:
    """Recall 0.98 of 200 things, both sides at 95 % (one-sided 97.5 %): 0.950 to 0.992."""
    low, high = wilson(196, 200, 0.975)
    assert (round(low, 3), round(high, 3)) == (0.950, 0.992)
    assert wilson(0, 10, 0.95)[0] == 0.0
    assert wilson(10, 10, 0.95)[1] == pytest.approx(1.0)
    assert all(map(math.isnan, wilson(0, 0, 0.95)))


def test_draws_are_whole_resamples_and_the_same_for_the_same_seed() -> None:
    one = draws(7, 300, 5)
    assert one.shape == (300, 7)
    assert (one.sum(axis=1) == 7).all()
    assert (one == draws(7, 300, 5)).all()
    assert (one != draws(7, 300, 6)).any()


def test_there_is_no_bound_of_one_recording_or_of_figures_that_are_mostly_missing() -> None:
    values = np.array([0.5] * 80 + [math.nan] * 20)
    assert math.isnan(interval(0.5, values, 30, 0.95).low)
    assert math.isnan(interval(0.5, values[:80], 1, 0.95).low)
    assert math.isnan(interval(math.nan, values[:80], 30, 0.95).low)
    assert interval(0.5, values[:80], 30, 0.95).low == 0.5


def test_how_many_recordings_are_needed_grows_with_the_square() -> None:
    assert recordings_needed(10, 0.1, 0.2) == 40
    assert recordings_needed(10, 0.0, 0.2) is None


def covered(runs: int, recordings: int, spread: float, seed: int, resamples: int = 400) -> tuple[float, float]:
    """How often the lower bound of a recall, and of a difference of two, lies at or below the truth; recordings differ by `spread`."""
    dice = np.random.default_rng(seed)
    truth, gap, one_of_all = 0.9, 0.03, np.ones((1, recordings))
    hits_one = hits_two = 0
    for run in range(runs):
        things = dice.integers(2, 30, recordings).astype(np.float64)
        strength = (1 - spread) / spread
        chance = dice.beta(truth * strength, (1 - truth) * strength, recordings)
        theirs = dice.binomial(things.astype(int), chance).astype(np.float64)
        ours = dice.binomial(things.astype(int), chance * (truth - gap) / truth).astype(np.float64)
        weights = draws(recordings, resamples, run)
        one, two = Ratio(ours, things, things), Ratio(theirs, things, things)
        mine, other, all_mine = float(one(one_of_all)[0]), float(two(one_of_all)[0]), one(weights)
        trials = effective_trials(mine, all_mine, things.sum(), recordings, 0.95)
        bounds = worse_of(interval(mine, all_mine, recordings, 0.95), *wilson(mine * trials, trials, 0.95))
        hits_one += bounds.low <= truth - gap
        hits_two += interval(mine - other, all_mine - two(weights), recordings, 0.95).low <= -gap
    return hits_one / runs, hits_two / runs


@pytest.mark.parametrize("recordings", [12, 40])
def test_the_lower_bound_holds_about_as_often_as_it_promises(recordings: int) -> None:
    """300 worlds: the share is known to about 0.013."""
    one, two = covered(300, recordings, 0.02, seed=7)
    assert 0.92 <= one <= 0.995
    assert 0.91 <= two <= 0.99


@pytest.mark.soak
@pytest.mark.parametrize("recordings", [10, 20, 50, 200])
@pytest.mark.parametrize(("spread", "least"), [(0.02, 0.945), (0.2, 0.88)])
def test_the_lower_bound_holds_nineteen_times_in_twenty(recordings: int, spread: float, least: float) -> None:
    """4,000 worlds: the share is known to 0.0035. Where recordings differ wildly, few of them promise a little too much of a recall."""
    one, two = covered(4000, recordings, spread, seed=11)
    assert least <= one <= 0.99
    assert 0.93 <= two <= 0.985


def test_trials_of_one_recording_count_as_fewer() -> None:
    dice = np.random.default_rng(1)
    even = effective_trials(0.9, dice.normal(0.9, math.sqrt(0.09 / 1000), 5000), 1000, 500, 0.95)
    assert 900 < even <= 1000
    assert effective_trials(0.9, dice.normal(0.9, math.sqrt(0.09 / 100), 5000), 1000, 500, 0.95) == pytest.approx(100, rel=0.1)
    assert effective_trials(1.0, np.ones(100), 1000, 500, 0.95) == 1000
