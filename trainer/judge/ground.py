"""Ground: the pictures a model is judged on, what is truly in them, and where nothing is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ConfigError

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
EVERYWHERE = (-1e7, -1e7, 2e7, 2e7)  # a region that holds every box there can be


def boxes_of(rows: Sequence[Sequence[float]] | Doubles) -> Doubles:
    return np.asarray(rows, np.float64).reshape(-1, 4)


@dataclass(frozen=True, eq=False)
class Case:
    """One picture. Boxes are x, y, width, height in pixels as in COCO; `kinds` are numbers of classes.

    A class that was not labelled exhaustively has no false alarms here: nobody knows whether the thing is there (as LVIS has it,
    Gupta, Dollar, Girshick 2019, https://arxiv.org/abs/1908.03195).
    """

    id: str
    recording: str  # device and session: what is resampled, and never divided
    boxes: Doubles
    kinds: Ints
    crowd: Bools
    ignore: Doubles  # regions of which nothing is said, for every class
    exhaustive: frozenset[int] | None = None  # None: for all classes
    slices: Mapping[str, str] = field(default_factory=dict)  # device, camera, hour, ...
    number: int | None = None  # the integer id a format gave it

    def wanted(self, kind: int) -> Doubles:
        return boxes_of(self.boxes[(self.kinds == kind) & ~self.crowd])

    def doubtful(self, kind: int) -> Doubles:
        """Regions in which an answer of the class is neither right nor wrong."""
        own = self.boxes[(self.kinds == kind) & self.crowd]
        everywhere = [] if self.is_exhaustive(kind) else [EVERYWHERE]
        return np.concatenate([own, self.ignore, boxes_of(everywhere)])

    def is_exhaustive(self, kind: int) -> bool:
        return self.exhaustive is None or kind in self.exhaustive


@dataclass(frozen=True, eq=False)
class Ground:
    """Cases in a fixed order, and the classes by number."""

    classes: tuple[str, ...]
    cases: tuple[Case, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for case in self.cases:
            if case.id in seen:
                raise ConfigError(f"picture {case.id}: is there twice; a picture that is judged twice counts double, remove one")
            seen.add(case.id)
            _check(case, len(self.classes))

    @property
    def recordings(self) -> tuple[str, ...]:
        return tuple(sorted({case.recording for case in self.cases}))


@dataclass(frozen=True, eq=False)
class Found:
    """What a model says of one picture."""

    boxes: Doubles
    confidence: Doubles
    kinds: Ints

    @staticmethod
    def nothing() -> Found:
        return Found(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))

    def of(self, kind: int) -> tuple[Doubles, Doubles]:
        mine = self.kinds == kind
        return self.boxes[mine], self.confidence[mine]


Answers = Mapping[str, Found]  # by picture; one that is not in it was never asked about


def paired(ground: Ground, answers: Answers) -> Iterator[tuple[Case, Found]]:
    """Every picture with what was said of it; ConfigError when the model was never asked about one, which is not "nothing there"."""
    missing = [case.id for case in ground.cases if case.id not in answers]
    if missing:
        raise ConfigError(f"answers: {len(missing)} pictures were never asked about, the first is {missing[0]}; let the model look at all")
    for case in ground.cases:
        found = answers[case.id]
        check_found(case.id, found)
        yield case, found


def check_found(picture: str, found: Found) -> None:
    if not (len(found.boxes) == len(found.confidence) == len(found.kinds)):
        raise ConfigError(f"answers of picture {picture}: boxes, confidences and classes are not of one length; save them again")
    if not (np.isfinite(found.boxes).all() and np.isfinite(found.confidence).all()):
        raise ConfigError(f"answers of picture {picture}: a box or a confidence is not a number (NaN or infinite); mend the model")
    if len(found.boxes) and (found.boxes[:, 2:] < 0).any():
        raise ConfigError(f"answers of picture {picture}: a box has a side below 0; boxes are x, y, width, height")
    if len(found.confidence) and not (found.confidence.min() >= 0 and found.confidence.max() <= 1):
        raise ConfigError(f"answers of picture {picture}: a confidence is not from 0 to 1; calibrate or scale it")


def _check(case: Case, classes: int) -> None:
    if not (len(case.boxes) == len(case.kinds) == len(case.crowd)):
        raise ConfigError(f"picture {case.id}: boxes, classes and crowd marks are not of one length")
    boxes = np.concatenate([case.boxes, case.ignore])
    if not np.isfinite(boxes).all() or (boxes[:, 2:] < 0).any():
        raise ConfigError(f"picture {case.id}: a labelled box is not a number or has a side below 0; correct the label")
    if len(case.kinds) and (case.kinds.min() < 0 or case.kinds.max() >= classes):
        raise ConfigError(f"picture {case.id}: a label's class is none of the {classes} classes")
