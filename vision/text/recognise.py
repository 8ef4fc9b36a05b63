"""Recogniser: a picture of one line of text in, what it says out; a network with a CTC head, and the characters it knows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from contracts.errors import BundleError
from vision.bundle import StoredBundle
from vision.engines.engine import Engine
from vision.engines.opening import open_engine
from vision.strict import Strict
from vision.text.charset import Allowed, Charset
from vision.types import Image

WIDEST = 64  # times its height; a longer line is squeezed


@dataclass(frozen=True, slots=True)
class Reading:
    """What a line says; `confidence` is the mean over its characters, 0 where nothing was read."""

    text: str
    confidence: float


class CtcOptions(Strict):
    """The options of head `ctc`."""

    charset: str = Field(default="charset.txt", description="the file of the bundle with one character a line, by column from 1")


class Recogniser:
    """Threads may share one. Each line is looked at by itself, so what stands beside it in a frame never changes what is read."""

    def __init__(self, bundle: StoredBundle, engine: Engine, charset: Charset) -> None:
        self.digest, self.charset, self.engine = bundle.digest, charset, engine
        self._spec = bundle.manifest.input
        levels = (np.arange(256.0)[:, None] - self._spec.mean) / self._spec.std
        self._tables = [np.ascontiguousarray(column, np.float32) for column in levels.T]

    def read(self, picture: Image, allowed: Allowed | None = None) -> Reading:
        """The text of a BGR picture of one line. BundleError, HardwareError, TimeoutError: as the engine says."""
        if picture.size == 0:
            return Reading("", 0.0)
        (scores,) = self.engine.run(self._tensor(picture))
        return decode(scores[0], self.charset, allowed)

    def close(self) -> None:
        self.engine.close()

    def _tensor(self, picture: Image) -> NDArray[np.float32]:
        """As high as the network wants it, its shape kept, on a ground that is at least as wide as the network was made for."""
        height, least = self._spec.size
        ratio = picture.shape[1] / picture.shape[0]
        across = min(max(int(height * max(least / height, ratio)), least), height * WIDEST)
        small = cv2.resize(picture, (min(math.ceil(height * ratio), across), height))
        channels = cv2.split(small if self._spec.color == "bgr" else cv2.cvtColor(small, cv2.COLOR_BGR2RGB))
        tensor = np.zeros((1, 3, height, across), np.float32)
        for number, channel in enumerate(channels):
            tensor[0, number, :, : small.shape[1]] = cv2.LUT(channel, self._tables[number])
        return tensor


def decode(scores: NDArray[Any], charset: Charset, allowed: Allowed | None = None) -> Reading:
    """(T, C) probabilities: the likeliest column of each step, one for several of the same in a row, without the blanks.

    Where only some characters are allowed the likeliest of those counts, with the probability it had among all: what is forced
    is not believed.
    """
    if allowed is not None:
        scores = np.where(allowed, scores, np.float32(-1))
    best = scores.argmax(axis=1)
    kept = best != 0
    kept[1:] &= best[1:] != best[:-1]
    if not kept.any():
        return Reading("", 0.0)
    text = "".join(charset.characters[column - 1] for column in best[kept].tolist())
    return Reading(text, float(np.clip(scores[kept, best[kept]].astype(np.float64).mean(), 0, 1)))


def open_recogniser(stored: StoredBundle, threads: int = 1) -> Recogniser:
    """Load and try once. Lines are of any width, so they are read by ONNX Runtime whatever runs the detector."""
    manifest = stored.manifest
    if manifest.task != "read_text" or manifest.head.kind != "ctc":
        what = f"is for {manifest.task} with head {manifest.head.kind}"
        raise BundleError(f"bundle {stored.path}: {what}, not for read_text with head ctc; name one that reads text")
    if manifest.input.dtype != "float32" or manifest.input.layout != "nchw":
        got = f"{manifest.input.dtype} {manifest.input.layout}"
        raise BundleError(f"bundle {stored.path}: input is {got}, lines need float32 nchw; export it so")
    try:
        options = CtcOptions.model_validate(manifest.head.options)
    except ValidationError as error:
        raise BundleError(f"bundle {stored.path}: head ctc: {error.errors()[0]['msg']}; correct head.options") from error
    charset = Charset.parse(stored.read(options.charset))
    recogniser = Recogniser(stored, open_engine(stored, "onnx", threads), charset)
    try:
        _try(recogniser, stored)
    except BaseException:
        recogniser.close()
        raise
    return recogniser


def _try(recogniser: Recogniser, stored: StoredBundle) -> None:
    """One run on a grey line, so that a model of another layout is refused before it serves."""
    spec, engine = stored.manifest.input, recogniser.engine
    if engine.inputs[0].name != spec.name:
        raise BundleError(f"bundle {stored.path}: the model's input is named {engine.inputs[0].name}, not {spec.name}; correct input.name")
    tensor = np.zeros((1, 3, *spec.size), np.float32)
    answers = engine.run(tensor)
    shape, columns = answers[0].shape, len(recogniser.charset) + 1
    if len(answers) != 1 or len(shape) != 3 or shape[0] != 1 or shape[2] != columns:
        got = f"{len(answers)} outputs, the first of {shape}"
        raise BundleError(f"bundle {stored.path}: gives {got}, head ctc needs one of (1, any, {columns}); correct charset")
