"""TextFinder: where the pieces of text are in a picture; a network that gives a map of it, and the quadrangles on that map."""

from __future__ import annotations

import threading

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from contracts.errors import BundleError, HardwareError
from vision.bundle import StoredBundle
from vision.engines.engine import Engine
from vision.engines.opening import open_engine
from vision.text.contours import DbOptions, quads_of
from vision.types import Detections, Image, Planes

STEP = 32  # sides of the input are multiples of it
LEAST_SIDE, MOST_RATIO = 30, 8  # a picture that is lower, or longer for its height, gets room above and below


class TextFinder:
    """Threads may share one. `detect` is that of a Detector with the one label `text`, so it has golden answers as detectors have."""

    def __init__(self, bundle: StoredBundle, engine: Engine, options: DbOptions) -> None:
        self.digest, self.labels, self.engine = bundle.digest, tuple(bundle.manifest.labels), engine
        self.reason = ""
        self._spec, self._options = bundle.manifest.input, options
        self._floor = bundle.manifest.min_confidence
        self._mean, self._std = (np.array(three, np.float32) for three in (self._spec.mean, self._spec.std))
        self._lock = threading.Lock()

    def find(self, picture: Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(N, 4, 2) corners in pixels of a BGR picture, cut at its edges, and (N,) confidences, from top to bottom."""
        if picture.size == 0:
            return np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32)
        height, width = picture.shape[:2]
        above = _room(width, height)
        padded = cv2.copyMakeBorder(picture, above, above, 0, 0, cv2.BORDER_CONSTANT) if above else picture
        across, down = input_size(width, padded.shape[0], self._options)
        (answer,) = self.engine.run(self._tensor(np.asarray(cv2.resize(padded, (across, down)), np.uint8)))
        quads, scores = quads_of(np.ascontiguousarray(answer[0, 0], np.float32), self._options)
        quads = np.round(quads * np.array([width / across, padded.shape[0] / down], np.float32)) - np.array([0, above], np.float32)
        quads = np.clip(quads, 0, np.array([width - 1, height - 1], np.float32))
        kept = (scores >= self._floor) & (_sides(quads) > 3)
        return quads[kept], scores[kept]

    def detect(self, planes: Planes) -> Detections:
        """The upright boxes around the pieces of text. No answer is a status, never an empty scene."""
        try:
            quads, scores = self.find(planes.bgr())
        except (TimeoutError, HardwareError, BundleError) as error:
            with self._lock:
                self.reason = str(error)
            return Detections.none("timeout" if isinstance(error, TimeoutError) else "error")
        return Detections(upright(quads), scores, np.zeros(len(scores), np.int32))

    def close(self) -> None:
        self.engine.close()

    def _tensor(self, small: NDArray[np.uint8]) -> NDArray[np.float32]:
        picture = small if self._spec.color == "bgr" else small[..., ::-1]
        return np.ascontiguousarray(((picture - self._mean) / self._std).transpose(2, 0, 1)[None], np.float32)


def input_size(width: int, height: int, options: DbOptions) -> tuple[int, int]:
    """Width and height of the network's input for a picture of that size."""
    scale = max(1.0, options.short_px / min(width, height))
    scale = min(scale, options.long_px / max(width, height))
    return tuple(max(STEP, round(int(side * scale) / STEP) * STEP) for side in (width, height))  # type: ignore[return-value]  # two of them


def upright(quads: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 4) xyxy around (N, 4, 2) corners."""
    return np.concatenate([quads.min(axis=1), quads.max(axis=1)], axis=1).astype(np.float32) if len(quads) else np.zeros((0, 4), np.float32)


def _room(width: int, height: int) -> int:
    """Pixels above and below: text that fills a narrow strip to its edges is not seen as text."""
    if height > LEAST_SIDE and width <= MOST_RATIO * height:
        return 0
    return abs(max(width // MOST_RATIO, LEAST_SIDE) * 2 - height) // 2


def _sides(quads: NDArray[np.float32]) -> NDArray[np.float32]:
    """The shorter side of each."""
    across = np.linalg.norm(quads[:, 0] - quads[:, 1], axis=1)
    down = np.linalg.norm(quads[:, 0] - quads[:, 3], axis=1)
    return np.asarray(np.minimum(across, down), np.float32)


def open_finder(stored: StoredBundle, threads: int = 1) -> TextFinder:
    """Load and try once; by ONNX Runtime, for pictures are of any shape here."""
    manifest = stored.manifest
    if manifest.task != "find_text" or manifest.head.kind != "db":
        what = f"is for {manifest.task} with head {manifest.head.kind}"
        raise BundleError(f"bundle {stored.path}: {what}, not for find_text with head db; name one that finds text")
    if manifest.input.dtype != "float32" or manifest.input.layout != "nchw":
        got = f"{manifest.input.dtype} {manifest.input.layout}"
        raise BundleError(f"bundle {stored.path}: input is {got}, this needs float32 nchw; export it so")
    try:
        options = DbOptions.model_validate(manifest.head.options)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BundleError(f"bundle {stored.path}: head db: {where}: {first['msg']}; correct head.options") from error
    finder = TextFinder(stored, open_engine(stored, "onnx", threads), options)
    try:
        _try(finder, stored)
    except BaseException:
        finder.close()
        raise
    return finder


def _try(finder: TextFinder, stored: StoredBundle) -> None:
    spec, engine = stored.manifest.input, finder.engine
    if engine.inputs[0].name != spec.name:
        raise BundleError(f"bundle {stored.path}: the model's input is named {engine.inputs[0].name}, not {spec.name}; correct input.name")
    answers = engine.run(np.zeros((1, 3, 2 * STEP, 3 * STEP), np.float32))
    if len(answers) != 1 or answers[0].shape != (1, 1, 2 * STEP, 3 * STEP):
        got = f"{len(answers)} outputs, the first of {answers[0].shape}"
        raise BundleError(f"bundle {stored.path}: gives {got} for a picture of 96x64, head db needs one of (1, 1, 64, 96); correct head")
