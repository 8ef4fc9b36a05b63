"""Agreement: what two models see on the same frames, box by box, and the report of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from vision.boxes import overlap
from vision.types import Detections


@dataclass
class Agreement:
    """`compare` one frame after the other."""

    iou: float = 0.5
    frames: int = 0
    differing: int = 0  # frames on which they saw different things
    both: Counter[str] = field(default_factory=Counter)
    only_old: Counter[str] = field(default_factory=Counter)
    only_new: Counter[str] = field(default_factory=Counter)
    differences: float = 0.0  # of confidence, summed over what both saw
    largest_difference: float = 0.0

    def compare(self, old: Detections, old_labels: Sequence[str], new: Detections, new_labels: Sequence[str]) -> bool:
        """Whether they saw the same."""
        pairs = _pairs(old, old_labels, new, new_labels, self.iou)
        for before, after in pairs:
            difference = abs(float(old.confidence[before]) - float(new.confidence[after]))
            self.differences += difference
            self.largest_difference = max(self.largest_difference, difference)
        self.both.update(old_labels[old.class_id[before]] for before, _ in pairs)
        left = {before for before, _ in pairs}, {after for _, after in pairs}
        self.only_old.update(old_labels[class_id] for row, class_id in enumerate(old.class_id) if row not in left[0])
        self.only_new.update(new_labels[class_id] for row, class_id in enumerate(new.class_id) if row not in left[1])
        same = len(pairs) == len(old) == len(new)
        self.frames += 1
        self.differing += not same
        return same

    @property
    def share(self) -> float:
        """Of all that either saw, what both saw; 1 when neither saw anything."""
        both = sum(self.both.values())
        every = both + sum(self.only_old.values()) + sum(self.only_new.values())
        return both / every if every else 1.0

    @property
    def mean_difference(self) -> float:
        both = sum(self.both.values())
        return self.differences / both if both else 0.0

    def words(self) -> str:
        """The report, in a line: by class what both, the old one alone and the new one alone saw."""
        labels = sorted({*self.both, *self.only_old, *self.only_new})
        classes = "; ".join(f"{each}: both {self.both[each]}, old {self.only_old[each]}, new {self.only_new[each]}" for each in labels)
        scores = f"confidence differs by {self.mean_difference:.3f} on average, {self.largest_difference:.3f} at most"
        return f"agreement {self.share:.2f} on {self.frames} frames, {self.differing} differ ({classes or 'nothing was seen'}); {scores}"


def _pairs(old: Detections, old_labels: Sequence[str], new: Detections, new_labels: Sequence[str], iou: float) -> list[tuple[int, int]]:
    """Of one class and overlapping enough, the best first, each box once."""
    if not len(old) or not len(new):
        return []
    table = overlap(old.xyxy, new.xyxy)
    candidates = [
        (float(table[a, b]), a, b)
        for a in range(len(old))
        for b in range(len(new))
        if table[a, b] >= iou and old_labels[old.class_id[a]] == new_labels[new.class_id[b]]
    ]
    pairs: list[tuple[int, int]] = []
    for _, a, b in sorted(candidates, key=lambda each: -each[0]):
        if all(a != other_a and b != other_b for other_a, other_b in pairs):
            pairs.append((a, b))
    return pairs
