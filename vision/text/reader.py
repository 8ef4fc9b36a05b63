"""Reader: a picture in, its text out: as one line, or as the lines a finder sees in it, in the order they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.bundle import StoredBundle
from vision.text.charset import Allowed
from vision.text.contours import Quad, straightened
from vision.text.detect import TextFinder, open_finder, upright
from vision.text.order import reading_order
from vision.text.recognise import Reading, Recogniser, open_recogniser
from vision.types import Image


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text and the upright box around it, x1, y1, x2, y2 in pixels of the picture."""

    text: str
    confidence: float
    box: tuple[float, float, float, float]


class Reader:
    """A recogniser, and where lines are to be found too, a finder. The same picture always gives the same lines."""

    def __init__(self, recogniser: Recogniser, finder: TextFinder | None = None) -> None:
        self._recogniser, self._finder = recogniser, finder

    @property
    def fingerprint(self) -> Mapping[str, str]:
        """What decides an answer: the models, and what runs them."""
        finder = {"finder": self._finder.digest} if self._finder else {}
        engine = " ".join(f"{name}={value}" for name, value in sorted(self._recogniser.engine.fingerprint.items()))
        return {"reader": self._recogniser.digest, **finder, "reader_engine": engine}

    def allowed(self, language: str | None, characters: str | None) -> Allowed | None:
        """What `line` and `lines` may read; None: everything. ConfigError for what this model does not know."""
        return self._recogniser.charset.allowed(language, characters)

    def line(self, picture: Image, allowed: Allowed | None = None) -> TextLine:
        """The whole BGR picture as one line."""
        read = self._recogniser.read(picture, allowed)
        return TextLine(_spaced(read.text), read.confidence, (0.0, 0.0, float(picture.shape[1]), float(picture.shape[0])))

    def lines(self, picture: Image, allowed: Allowed | None = None, min_confidence: float = 0.5) -> tuple[TextLine, ...]:
        """The lines found in a BGR picture, from top to bottom; pieces less certain than that are left out."""
        if self._finder is None:
            raise LookupError("this reader was opened without a finder")
        quads, _ = self._finder.find(picture)
        read = [self._piece(picture, quad, allowed) for quad in quads]
        kept = [number for number, piece in enumerate(read) if piece.text.strip() and piece.confidence >= min_confidence]
        boxes = upright(quads[kept])
        return tuple(_joined([read[kept[row]] for row in line], boxes[line]) for line in reading_order(boxes))

    def close(self) -> None:
        self._recogniser.close()
        if self._finder:
            self._finder.close()

    def _piece(self, picture: Image, quad: Quad, allowed: Allowed | None) -> Reading:
        return self._recogniser.read(straightened(picture, quad), allowed)


def _spaced(text: str) -> str:
    """Any run of spaces, wide ones too, as one."""
    return " ".join(text.split())


def _joined(pieces: Sequence[Reading], boxes: NDArray[np.float32]) -> TextLine:
    """The pieces of one line with a space between; each character counts as much for the confidence."""
    letters = [len(piece.text) for piece in pieces]
    confidence = float(np.average([piece.confidence for piece in pieces], weights=letters))
    x1, y1, x2, y2 = boxes.T
    around = (float(x1.min()), float(y1.min()), float(x2.max()), float(y2.max()))
    return TextLine(" ".join(_spaced(piece.text) for piece in pieces), confidence, around)


def open_reader(recogniser: StoredBundle, finder: StoredBundle | None = None, threads: int = 1) -> Reader:
    """Both bundles loaded and tried once."""
    reads = open_recogniser(recogniser, threads)
    try:
        return Reader(reads, open_finder(finder, threads) if finder else None)
    except BaseException:
        reads.close()
        raise
