"""Student's t for whole degrees of freedom, without a statistics library."""

from __future__ import annotations

import math
from statistics import NormalDist

NORMAL = NormalDist()
LARGE = 2000  # degrees of freedom from which the normal distribution is the same to four digits


def t_below(t: float, freedom: int) -> float:
    """Share of the distribution below `t`: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4, exact finite sums."""
    angle = math.atan(t / math.sqrt(freedom))
    cos, sin = math.cos(angle), math.sin(angle)
    odd = freedom % 2
    term = total = (cos if freedom > 1 else 0.0) if odd else 1.0
    for n in range(3 if odd else 2, freedom - 1, 2):
        term *= cos * cos * (n - 1) / n
        total += term
    within = 2 / math.pi * (angle + sin * total) if odd else sin * total
    return (1 + within) / 2


def t_quantile(share: float, freedom: int) -> float:
    """The t below which `share` lies, by halving."""
    if freedom >= LARGE:
        return NORMAL.inv_cdf(share)
    low, high = -1e9, 1e9
    for _ in range(120):
        middle = (low + high) / 2
        low, high = (middle, high) if t_below(middle, freedom) < share else (low, middle)
    return (low + high) / 2
