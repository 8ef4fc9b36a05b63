"""Window: one camera under one model within one hour, as histograms that add up in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from contracts.drift import AT_LEAST, COUNTS, LEVELS, MOST_CLASSES, SCORES, SIZES, VALUES, DriftClass, DriftPictures, DriftWindow
from device.drift.looks import Look
from device.drift.picture import Described

Counted = NDArray[np.int64]
EDGES = np.array(AT_LEAST[1:])


def _zeros(bins: int) -> Counted:
    return np.zeros(bins, np.int64)


@dataclass(eq=False)
class OfClass:
    """`counts` without the pictures in which there was none: those are the rest of all."""

    scores: Counted = field(default_factory=lambda: _zeros(SCORES))
    sizes: Counted = field(default_factory=lambda: _zeros(SIZES))
    counts: Counted = field(default_factory=lambda: _zeros(COUNTS))


@dataclass(eq=False)
class OfPictures:
    """Means and sums of squared deviations: they merge exactly."""

    count: int = 0
    brightness: Counted = field(default_factory=lambda: _zeros(LEVELS))
    sharpness: Counted = field(default_factory=lambda: _zeros(LEVELS))
    mean: NDArray[np.float64] = field(default_factory=lambda: np.zeros(VALUES))
    squares: NDArray[np.float64] = field(default_factory=lambda: np.zeros(VALUES))

    def add(self, seen: Described) -> None:
        self.brightness[seen.brightness] += 1
        self.sharpness[seen.sharpness] += 1
        self._join(1, seen.values, np.zeros(VALUES))

    def merge(self, other: OfPictures) -> None:
        self.brightness += other.brightness
        self.sharpness += other.sharpness
        self._join(other.count, other.mean, other.squares)

    def _join(self, count: int, mean: NDArray[np.float64], squares: NDArray[np.float64]) -> None:
        if not count:
            return
        total = self.count + count
        apart = mean - self.mean
        self.squares = self.squares + squares + apart**2 * (self.count * count / total)
        self.mean = self.mean + apart * (count / total)
        self.count = total


@dataclass(eq=False)
class Window:
    """Not thread-safe: its owner has a lock."""

    frames: int = 0
    unanswered: int = 0
    counts: Counted = field(default_factory=lambda: _zeros(COUNTS))
    classes: dict[str, OfClass] = field(default_factory=dict)
    left_out: int = 0
    pictures: OfPictures = field(default_factory=OfPictures)

    def add(self, looks: Sequence[Look]) -> None:
        """Looks of one camera under one model, which has one list of labels."""
        answered = [look for look in looks if look.detections.status == "ok"]
        self.frames += len(looks)
        self.unanswered += len(looks) - len(answered)
        if not answered:
            return
        lengths = [len(look.detections) for look in answered]
        self.counts += np.bincount(_counted(np.array(lengths)), minlength=COUNTS)
        if not any(lengths):
            return
        ids = np.concatenate([look.detections.class_id for look in answered])
        scores = np.concatenate([look.detections.confidence for look in answered])
        sizes = np.concatenate([_sizes(look) for look in answered])
        where = np.repeat(np.arange(len(answered)), lengths)
        labels = answered[0].labels
        for class_id in np.unique(ids).tolist():
            rows = ids == class_id
            of = self.classes.setdefault(labels[class_id], OfClass())
            of.scores += np.bincount(np.clip((scores[rows] * SCORES).astype(np.int64), 0, SCORES - 1), minlength=SCORES)
            of.sizes += np.bincount(sizes[rows], minlength=SIZES)
            of.counts += np.bincount(_counted(np.unique(where[rows], return_counts=True)[1]), minlength=COUNTS)

    def merge(self, other: Window) -> None:
        self.frames += other.frames
        self.unanswered += other.unanswered
        self.left_out += other.left_out
        self.counts += other.counts
        self.pictures.merge(other.pictures)
        for label, theirs in other.classes.items():
            mine = self.classes.setdefault(label, OfClass())
            for name in ("scores", "sizes", "counts"):
                setattr(mine, name, getattr(mine, name) + getattr(theirs, name))

    def told(self, camera: str, model: str, most: int = MOST_CLASSES) -> DriftWindow:
        """`most`: of the classes those with the most boxes; what is left out is counted."""
        first = sorted(self.classes, key=lambda label: (-int(self.classes[label].scores.sum()), label))
        left_out = self.left_out + sum(int(self.classes[label].scores.sum()) for label in first[most:])
        answered = self.frames - self.unanswered
        return DriftWindow(
            camera=camera, model=model, frames=self.frames, unanswered=self.unanswered, counts=self.counts.tolist(),
            classes={label: _told(self.classes[label], answered) for label in first[:most]}, left_out=left_out,
            pictures=_told_pictures(self.pictures) if self.pictures.count else None,
        )  # fmt: skip

    @staticmethod
    def of(told: DriftWindow) -> Window:
        classes = {
            label: OfClass(np.array(of.scores), np.array(of.sizes), np.array([0, *of.counts[1:]])) for label, of in told.classes.items()
        }
        pictures = OfPictures()
        if (seen := told.pictures) is not None:
            squares = np.array(seen.variance) * seen.count
            pictures = OfPictures(seen.count, np.array(seen.brightness), np.array(seen.sharpness), np.array(seen.mean), squares)
        return Window(told.frames, told.unanswered, np.array(told.counts), classes, told.left_out, pictures)


def _told(of: OfClass, answered: int) -> DriftClass:
    counts = of.counts.tolist()
    counts[0] = answered - sum(counts[1:])
    return DriftClass(scores=of.scores.tolist(), sizes=of.sizes.tolist(), counts=counts)


def _told_pictures(seen: OfPictures) -> DriftPictures:
    variance = seen.squares / seen.count
    return DriftPictures(
        count=seen.count, brightness=seen.brightness.tolist(), sharpness=seen.sharpness.tolist(),
        mean=np.round(seen.mean, 6).tolist(), variance=np.round(variance, 8).tolist(),
    )  # fmt: skip


def _counted(numbers: Counted) -> Counted:
    """The bin of each number of boxes."""
    return np.digitize(numbers, EDGES).astype(np.int64)


def _sizes(look: Look) -> Counted:
    box = np.maximum(look.detections.xyxy, 0)
    sides = np.sqrt(np.maximum((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]), 1e-6) / max(1, look.area_px))
    bins: Counted = np.clip(np.floor(SIZES + 2 * np.log2(sides)), 0, SIZES - 1).astype(np.int64)
    return bins
