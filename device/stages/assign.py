"""The best one-to-one assignment: successive shortest augmenting paths with potentials, exact, in numpy.

Greedy is cheaper but gives a crossing pair to the wrong track where the sum of two good matches beats one best and one left
over. Pairs that compete with nobody are taken at once, so the search only sees the small knots that are left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]


def assign(gain: NDArray[np.float64]) -> Pairs:
    """Rows and columns of the assignment with the largest total gain; a gain of 0 or less is never taken."""
    allowed = gain > 0
    rows, columns = np.nonzero(allowed)
    alone = (np.count_nonzero(allowed, axis=1)[rows] == 1) & (np.count_nonzero(allowed, axis=0)[columns] == 1)
    some_rows, some_columns = [rows[alone]], [columns[alone]]
    for knot_rows, knot_columns in _knots(allowed, rows[~alone]):
        picked_rows, picked_columns = _solve(gain[np.ix_(knot_rows, knot_columns)])
        some_rows.append(knot_rows[picked_rows])
        some_columns.append(knot_columns[picked_columns])
    all_rows, all_columns = np.concatenate(some_rows), np.concatenate(some_columns)
    order = np.argsort(all_rows, kind="stable")
    return all_rows[order], all_columns[order]


def _knots(allowed: NDArray[np.bool_], rows: NDArray[np.intp]) -> list[Pairs]:
    """Rows and columns that compete, directly or through others."""
    waiting, knots = np.unique(rows), []
    while len(waiting):
        mine = waiting[:1]
        while True:
            columns = np.nonzero(np.count_nonzero(allowed[mine], axis=0))[0]
            grown = np.nonzero(np.count_nonzero(allowed[:, columns], axis=1))[0]
            if len(grown) == len(mine):
                break
            mine = grown
        waiting = np.setdiff1d(waiting, mine, assume_unique=True)
        knots.append((mine, columns))
    return knots


def _solve(gain: NDArray[np.float64]) -> Pairs:
    if gain.shape[0] > gain.shape[1]:
        columns, rows = _solve(gain.T)
        return rows, columns
    cost = -np.maximum(gain, 0.0)
    owner = _owners(cost)
    columns = np.nonzero(owner >= 0)[0]
    rows = owner[columns]
    taken = gain[rows, columns] > 0
    return rows[taken], columns[taken]


def _owners(cost: NDArray[np.float64]) -> NDArray[np.intp]:
    """For each column the row that owns it at least total cost, or -1; as many rows as columns at most."""
    height, width = cost.shape
    of_row, of_column = np.zeros(height), np.zeros(width)
    owner = np.full(width, -1, np.intp)
    for new in range(height):
        shortest, came_from = np.full(width, np.inf), np.full(width, -1, np.intp)
        seen = np.zeros(width, bool)
        path, row, column = 0.0, new, -1
        visited_rows, visited_at = [new], [0.0]
        while True:
            reach = path + cost[row] - of_row[row] - of_column
            better = ~seen & (reach < shortest)
            shortest[better], came_from[better] = reach[better], column
            column = int(np.argmin(np.where(seen, np.inf, shortest)))
            path, row = float(shortest[column]), int(owner[column])
            seen[column] = True
            if row < 0:
                break
            visited_rows.append(row)
            visited_at.append(path)
        of_row[visited_rows] += path - np.array(visited_at)
        of_column[seen] -= path - shortest[seen]
        while column >= 0:
            before = int(came_from[column])
            owner[column] = owner[before] if before >= 0 else new
            column = before
    return owner
