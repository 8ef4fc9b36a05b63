"""Distance: between what was seen and what was to be expected: Jensen-Shannon, with PSI beside it for those who know that better."""

from __future__ import annotations

import numpy as np

from contracts.drift import VALUES
from trainer.drift.measures import Kind, Rows

HALF = 0.5  # of a thing in each bin, so that PSI of an empty bin is not infinite
LEAST_SPREAD = 1e-4  # of a value of a picture: what does not vary at all would make a speck of dust a drift


def distances(seen: Rows, expected: Rows, kind: Kind) -> Rows:
    """Row by row, each above 0. Of histograms in bits: 0 the same, 1 nothing in common. Of pictures how far mean and spread of the
    40 values moved, in spreads of what is normal, squared. NaN: one of the two is empty."""
    return _moments(seen, expected) if kind == "picture" else _jensen_shannon(seen, expected)


def _jensen_shannon(seen: Rows, expected: Rows) -> Rows:
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q = seen / seen.sum(axis=1, keepdims=True), expected / expected.sum(axis=1, keepdims=True)
        both = (p + q) / 2
        parts = np.where(p > 0, p * np.log2(p / both), 0) + np.where(q > 0, q * np.log2(q / both), 0)
    found = np.maximum(0, parts.sum(axis=1) / 2)
    return np.where(np.isfinite(p).all(axis=1) & np.isfinite(q).all(axis=1), found, np.nan)


def _moments(seen: Rows, expected: Rows) -> Rows:
    with np.errstate(divide="ignore", invalid="ignore"):
        (mean_p, spread_p), (mean_q, spread_q) = _of(seen), _of(expected)
        apart = (mean_p - mean_q) ** 2 + (np.sqrt(spread_p) - np.sqrt(spread_q)) ** 2
        return np.asarray((apart / (spread_q + LEAST_SPREAD)).mean(axis=1))


def _of(rows: Rows) -> tuple[Rows, Rows]:
    count = rows[:, :1]
    mean = rows[:, 1 : 1 + VALUES] / count
    return mean, np.maximum(0, rows[:, 1 + VALUES :] / count - mean**2)


def psi(seen: Rows, expected: Rows) -> float:
    """Population stability index of two histograms: below 0.1 is usually called the same, above 0.25 another."""
    p, q = ((each + HALF) / (each.sum() + HALF * len(each)) for each in (seen, expected))
    return float(((p - q) * np.log(p / q)).sum())
