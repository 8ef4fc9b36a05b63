"""Tracks: the boxes followed on one camera, as columns, each with a constant-velocity Kalman filter in media time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# In units of the box's size, the root of its area: a person is about 1 m by that measure, so these read as metres and seconds.
MEASURED = 0.05  # standard deviation of a detected edge
START_SPEED = 2.0  # of the unknown speed of a new box, per second
ACCELERATION = 1.0  # white acceleration, per second and root second
WANDER = 0.1  # of the place itself, per root second: boxes breathe


class Tracks:
    """Columns of equal length; `place` and `speed` are (T, 4): centre x, centre y, width, height, pixels and pixels a second.

    The four axes are independent, so a covariance is three numbers an axis: place, place with speed, speed.
    """

    def __init__(self) -> None:
        self.place: Floats = np.zeros((0, 4))
        self.speed: Floats = np.zeros((0, 4))
        self._pp: Floats = np.zeros((0, 4))
        self._pv: Floats = np.zeros((0, 4))
        self._vv: Floats = np.zeros((0, 4))
        self.id: NDArray[np.int64] = np.zeros(0, np.int64)  # -1: not confirmed
        self.hits: NDArray[np.int64] = np.zeros(0, np.int64)
        self.class_id: NDArray[np.int32] = np.zeros(0, np.int32)
        self.seen_ns: NDArray[np.int64] = np.zeros(0, np.int64)  # analysed time of the last match
        self.kept: NDArray[np.bool_] = np.zeros(0, bool)  # matched in the last answered scene

    def __len__(self) -> int:
        return len(self.id)

    def boxes(self) -> Floats:
        """xyxy, as predicted or corrected last."""
        half = self.place[:, 2:] / 2
        return np.concatenate([self.place[:, :2] - half, self.place[:, :2] + half], axis=1)

    def doubt(self) -> Floats:
        """Standard deviation of the centre in pixels."""
        return np.sqrt((self._pp[:, 0] + self._pp[:, 1]) / 2)

    def size(self) -> Floats:
        """Root of the area in pixels."""
        return np.sqrt(self.place[:, 2] * self.place[:, 3])

    def scale(self, across: float, down: float) -> None:
        """Everything in pixels that are so many times smaller."""
        by = np.array([across, down, across, down])
        self.place, self.speed = self.place * by, self.speed * by
        self._pp, self._pv, self._vv = self._pp * by**2, self._pv * by**2, self._vv * by**2

    def predict(self, dt: float) -> None:
        """Everything `dt` seconds on. A lost box keeps its size: what it grew by before says little about behind the tree."""
        self.speed[~self.kept, 2:] = 0.0
        variance = np.square(self.size())[:, None]
        self._pp += 2 * dt * self._pv + dt * dt * self._vv + variance * (ACCELERATION**2 * dt**3 / 3 + WANDER**2 * dt)
        self._pv += dt * self._vv + variance * (ACCELERATION**2 * dt * dt / 2)
        self._vv += variance * (ACCELERATION**2 * dt)
        self.place += dt * self.speed
        np.maximum(self.place[:, 2:], 1.0, out=self.place[:, 2:])

    def correct(self, rows: NDArray[np.intp], xyxy: Floats, class_id: NDArray[np.int32], now_ns: int) -> None:
        """These rows were seen there."""
        noise = np.square(self.size()[rows] * MEASURED)[:, None]
        total = self._pp[rows] + noise
        gain_p, gain_v = self._pp[rows] / total, self._pv[rows] / total
        off = _centred(xyxy) - self.place[rows]
        self.place[rows] += gain_p * off
        self.speed[rows] += gain_v * off
        self._vv[rows] -= gain_v * self._pv[rows]
        self._pv[rows] *= 1 - gain_p
        self._pp[rows] *= 1 - gain_p
        np.maximum(self.place[:, 2:], 1.0, out=self.place[:, 2:])
        self.hits[rows] += 1
        self.class_id[rows], self.seen_ns[rows] = class_id, now_ns

    def begin(self, xyxy: Floats, class_id: NDArray[np.int32], now_ns: int) -> None:
        """New rows at the end, without an id."""
        n, place = len(xyxy), _centred(xyxy)
        variance = np.repeat((place[:, 2] * place[:, 3])[:, None], 4, axis=1)
        self.place = np.concatenate([self.place, place])
        self.speed = np.concatenate([self.speed, np.zeros((n, 4))])
        self._pp = np.concatenate([self._pp, variance * MEASURED**2])
        self._pv = np.concatenate([self._pv, np.zeros((n, 4))])
        self._vv = np.concatenate([self._vv, variance * START_SPEED**2])
        self.id = np.concatenate([self.id, np.full(n, -1, np.int64)])
        self.hits = np.concatenate([self.hits, np.ones(n, np.int64)])
        self.class_id = np.concatenate([self.class_id, class_id])
        self.seen_ns = np.concatenate([self.seen_ns, np.full(n, now_ns, np.int64)])
        self.kept = np.concatenate([self.kept, np.ones(n, bool)])

    def keep(self, rows: NDArray[np.bool_]) -> None:
        self.place, self.speed = self.place[rows], self.speed[rows]
        self._pp, self._pv, self._vv = self._pp[rows], self._pv[rows], self._vv[rows]
        self.id, self.hits, self.class_id = self.id[rows], self.hits[rows], self.class_id[rows]
        self.seen_ns, self.kept = self.seen_ns[rows], self.kept[rows]


def _centred(xyxy: Floats) -> Floats:
    size = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 1.0)
    return np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, size], axis=1)


def overlaps(one: Floats, other: Floats, margin: Floats) -> Floats:
    """IoU of every pair (N, M), both boxes grown by the row's margin on each side: who may be off by some pixels still meets."""
    grow = margin[:, None]
    low_x = np.maximum(one[:, None, 0], other[None, :, 0]) - grow
    low_y = np.maximum(one[:, None, 1], other[None, :, 1]) - grow
    width = np.maximum(np.minimum(one[:, None, 2], other[None, :, 2]) + grow - low_x, 0)
    height = np.maximum(np.minimum(one[:, None, 3], other[None, :, 3]) + grow - low_y, 0)
    both: Floats = width * height
    return both / (_area(one[:, None], grow) + _area(other[None], grow) - both)


def _area(boxes: Floats, grow: Floats) -> Floats:
    area: Floats = (boxes[..., 2] - boxes[..., 0] + 2 * grow) * (boxes[..., 3] - boxes[..., 1] + 2 * grow)
    return area
