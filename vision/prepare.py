"""Prepare: a decoded picture into the tensor a network wants, asking the decoder for no more than the small picture."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from contracts.bundle import Input
from contracts.errors import ConfigError
from vision.letterbox import Fit, fit_picture, picture_shape
from vision.types import Image, Planes


class Prepare:
    """Called with Planes, gives the tensor and where the picture lies in it. Threads may share one.

    uint8 NHWC, what our own graphs take, is one copy; a float tensor is looked up value by value, so it is exact.
    """

    def __init__(self, spec: Input, size: tuple[int, int] | None = None) -> None:
        """`size`: another height and width than the bundle's, where its `multiple` allows it."""
        if size is not None and size != spec.size and spec.multiple is None:
            wanted = f"{size[1]}x{size[0]}"
            raise ConfigError(f"input {spec.name}: takes {spec.size[1]}x{spec.size[0]} only, not {wanted}; leave the input size out")
        self._spec = spec
        self._size = size or spec.size
        self._tables = _tables(spec)
        self._fit = lru_cache(maxsize=64)(self._fit_of)

    def __call__(self, planes: Planes) -> tuple[NDArray[Any], Fit]:
        fit = self._fit(planes.width, planes.height)
        small = planes.rgb(fit.new_width, fit.new_height)
        return self._tensor(_padded(small, fit, self._spec.pad)), fit

    def shape(self, width: int, height: int) -> tuple[int, int]:
        """Height and width of the input for a picture of that size."""
        fit = self._fit(width, height)
        return fit.height, fit.width

    def _fit_of(self, width: int, height: int) -> Fit:
        shape = self._size
        if self._spec.multiple is not None:
            shape = picture_shape(width, height, self._size, self._spec.multiple)
        return fit_picture(width, height, *shape, fit=self._spec.fit)

    def _tensor(self, picture: Image) -> NDArray[Any]:
        spec = self._spec
        if spec.dtype == "uint8":
            picture = picture[..., ::-1] if spec.color == "bgr" else picture
            return np.ascontiguousarray((picture if spec.layout == "nhwc" else picture.transpose(2, 0, 1))[None])
        channels = cv2.split(picture)
        if spec.color == "bgr":
            channels = channels[::-1]
        tensor = np.empty((3, *picture.shape[:2]), np.float32)
        for channel, table, out in zip(channels, self._tables, tensor, strict=True):
            cv2.LUT(channel, table, dst=out)
        if spec.layout == "nhwc":
            tensor = tensor.transpose(1, 2, 0)
        return np.ascontiguousarray(tensor[None], np.float32 if spec.dtype == "float32" else np.float16)


def _padded(small: Image, fit: Fit, pad: int) -> Image:
    """The picture on its ground; only the bars are filled."""
    height, width = small.shape[:2]
    if (height, width) == (fit.height, fit.width):
        return small
    canvas = np.empty((fit.height, fit.width, 3), np.uint8)
    bottom, right = fit.top + height, fit.left + width
    canvas[: fit.top] = pad
    canvas[bottom:] = pad
    canvas[fit.top : bottom, : fit.left] = pad
    canvas[fit.top : bottom, right:] = pad
    canvas[fit.top : bottom, fit.left : right] = small
    return canvas


def _tables(spec: Input) -> tuple[NDArray[np.float32], ...]:
    """For each channel of the tensor, in its order, the 256 values a byte can become."""
    levels = np.arange(256.0)[:, None]
    return tuple(((levels - mean) / std).astype(np.float32) for mean, std in zip(spec.mean, spec.std, strict=True))
