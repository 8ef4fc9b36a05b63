"""The assignment is the best there is: against every possible one."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from device.stages.assign import assign


def best_total(gain: np.ndarray) -> float:
    """By trying all of them."""
    gain = np.maximum(gain if gain.shape[0] <= gain.shape[1] else gain.T, 0)
    rows, columns = gain.shape
    return max((sum(gain[row, chosen[row]] for row in range(rows)) for chosen in permutations(range(columns), rows)), default=0.0)


shapes = st.tuples(st.integers(0, 5), st.integers(0, 6))
coarse = st.integers(-4, 4).map(lambda n: n / 4)  # ties
fine = st.floats(-1, 1, allow_nan=False)


@given(shapes.flatmap(lambda shape: st.one_of(arrays(np.float64, shape, elements=coarse), arrays(np.float64, shape, elements=fine))))
def test_no_assignment_has_a_larger_gain(gain: np.ndarray) -> None:
    rows, columns = assign(gain)
    assert len(set(rows.tolist())) == len(rows) and len(set(columns.tolist())) == len(columns)
    assert (gain[rows, columns] > 0).all()
    assert abs(gain[rows, columns].sum() - best_total(gain)) < 1e-9


def test_two_good_pairs_beat_one_best_and_one_left_over() -> None:
    rows, columns = assign(np.array([[0.9, 0.8], [0.8, 0.0]]))
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 1), (1, 0)]


def test_who_competes_with_nobody_and_who_does_are_found_together() -> None:
    gain = np.zeros((5, 5))
    gain[0, 4] = 0.3
    gain[1:3, 0:2] = [[0.9, 0.8], [0.8, 0.0]]
    gain[4, 2] = -1.0
    rows, columns = assign(gain)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 4), (1, 1), (2, 0)]
