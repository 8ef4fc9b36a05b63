"""Worth: what a second of a reviewer gains on a picture, and in which turn pictures are looked at.

The turn is drawn: a picture's worth divided by a number from 0 to 1 that its id decides. Whoever works from the top has then looked at
each picture with a probability that is known (priority sampling: Duffield, Lund, Thorup, "Priority sampling for estimation of arbitrary
subset sums", J. ACM 54, 2007), so that what is looked at first does not make the estimates of all the others wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from contracts.dataset import Annotation

# expected use of an answer, beside that of a picture taken by chance: how often such a picture shows a fault of the model
WEIGHTS: Mapping[str, float] = {
    "disagreement": 4.0, "refused_transition": 4.0, "track_gap": 4.0, "unread_text": 3.0, "low_confidence": 3.0, "uncertain": 3.0,
    "manual": 2.0,
}  # fmt: skip
# kept by a draw of which the probability is known; the others were kept on purpose, and say nothing of the rest
DRAWN = frozenset(
    {"uniform", "schedule", "background", "uncertain", "low_confidence", "track_gap", "refused_transition", "unread_text", "disagreement"}
)
LOOK_S, BOX_S = 4.0, 2.5  # a reviewer's seconds: for a picture, and for each box in it


def value(reason: str, labels: Sequence[Annotation], seen: Mapping[str, int]) -> float:
    """Expected use a second. `seen`: labels of each class in the data set so far, these among them."""
    gain = WEIGHTS.get(reason, 1.0) * (1 + rarity(labels, seen)) * (0.5 + uncertainty(labels))
    return gain / (LOOK_S + BOX_S * len(labels))


def rarity(labels: Sequence[Annotation], seen: Mapping[str, int]) -> float:
    """0 to 1: how rare the rarest class in the picture is among all labels."""
    total = sum(seen.values())
    return max((1 - seen.get(each.category_name, 0) / total for each in labels), default=0.0) if total else 0.0


def uncertainty(labels: Sequence[Annotation]) -> float:
    """0 to 1: 1 at a confidence of one half."""
    return max((1 - abs(2 * each.confidence - 1) for each in labels), default=0.0)


def turn(worth: float, item: str) -> float:
    """Highest first."""
    return worth / draw(item)


def draw(item: str) -> float:
    """Above 0 to 1, evenly, the same for ever."""
    return (int.from_bytes(sha256(f"turn|{item}".encode()).digest()[:8], "big") + 1) / (1 << 64)
