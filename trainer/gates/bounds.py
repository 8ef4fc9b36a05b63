"""Bounds: how far an estimate may be off, when whole recordings are what was drawn by chance.

Pictures of one recording are alike, so the recording is the unit of resampling (cluster bootstrap: Davison and Hinkley, Bootstrap
Methods and their Application, 1997, chapter 3.8; Field and Welsh, Bootstrapping clustered data, J. R. Stat. Soc. B 69, 2007). Two models
are compared on the same draws (paired). The percentile interval is too narrow for few recordings; it is widened to the "expanded
percentile interval" of Hesterberg, What Teachers Should Know About the Bootstrap, 2015, https://arxiv.org/abs/1411.5279. A share such as
recall gets Wilson's bound too (Wilson 1927; Brown, Cai, DasGupta, Interval Estimation for a Binomial Proportion, Stat. Sci. 16, 2001) of
the effective number of trials (Korn and Graubard, Survey Methodology 24, 1998), and the worse of both counts: near 1 the bootstrap's own
bound is too high, and one of nothing but hits never shows a miss.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trainer.gates.student import NORMAL, t_quantile
from trainer.judge.ground import Doubles

USABLE = 0.9  # share of resamples that must have a figure; in the others there was nothing to count


@dataclass(frozen=True)
class Interval:
    """Each bound holds with the confidence asked for by itself (one-sided). NaN: there is none."""

    estimate: float
    low: float
    high: float


def draws(recordings: int, resamples: int, seed: int) -> Doubles:
    """How often each recording is drawn, (resamples, recordings); the same for the same three numbers."""
    dice = np.random.default_rng([seed, recordings, resamples])
    return dice.multinomial(recordings, np.full(recordings, 1 / recordings), size=resamples).astype(np.float64)


def interval(estimate: float, values: Doubles, recordings: int, confidence: float) -> Interval:
    """Of the figures of all resamples; `recordings`: how many there are with anything to count."""
    known = values[np.isfinite(values)]
    if not math.isfinite(estimate) or recordings < 2 or len(known) < max(1.0, USABLE * len(values)):
        return Interval(estimate, math.nan, math.nan)
    tail = expanded_tail(recordings, confidence)
    low, high = np.quantile(known, [tail, 1 - tail])
    return Interval(estimate, min(estimate, float(low)), max(estimate, float(high)))


def expanded_tail(recordings: int, confidence: float) -> float:
    """The share of resamples to cut off at each end: less than 1 - confidence, the fewer recordings there are."""
    spread = math.sqrt(recordings / (recordings - 1))
    return NORMAL.cdf(-spread * t_quantile(confidence, recordings - 1))


def wilson(hits: float, trials: float, confidence: float) -> tuple[float, float]:
    """Bounds of a share of independent trials, each one-sided."""
    if trials <= 0:
        return math.nan, math.nan
    z = NORMAL.inv_cdf(confidence)
    share, square = hits / trials, z * z / trials
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(share * (1 - share) / trials + square / (4 * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


def effective_trials(share: float, resampled: Doubles, trials: float, recordings: int, confidence: float) -> float:
    """As many independent trials would be as uncertain: fewer than there are, because those of one recording are alike."""
    if recordings < 2 or not 0 < share < 1:
        return trials
    variance = float(np.nanvar(resampled)) * recordings / (recordings - 1)
    if variance <= 0:
        return trials
    shrunk = (NORMAL.inv_cdf(confidence) / t_quantile(confidence, recordings - 1)) ** 2
    return min(trials, share * (1 - share) / variance * shrunk)


def worse_of(one: Interval, low: float, high: float) -> Interval:
    return Interval(one.estimate, min(one.low, low), max(one.high, high)) if math.isfinite(one.low) else one


def recordings_needed(recordings: int, distance: float, half: float) -> int | None:
    """About how many recordings would bring a bound from `half` away from the estimate to `distance`; widths go with 1/sqrt(n)."""
    if distance <= 0 or not math.isfinite(half) or half <= 0:
        return None
    return min(math.ceil(recordings * (half / distance) ** 2), 10**9)
