"""BgrPlanes: a picture in memory (a folder's image, a golden one, a test's) as the pictures that others ask for."""

from __future__ import annotations

import cv2
import numpy as np

from contracts.errors import HardwareError
from vision.picture_size import picture_size
from vision.types import Image

MAX_PIXELS = 64 << 20


class BgrPlanes:
    """Implements Planes over a BGR array; it is taken as it is and must not be changed afterwards."""

    def __init__(self, image: Image) -> None:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
            raise ValueError(f"a picture is height x width x 3 of uint8, not {image.shape} of {image.dtype}")
        self._image = image
        self._rgb: dict[tuple[int, int], Image] = {}
        self._luma: Image | None = None

    @property
    def width(self) -> int:
        return int(self._image.shape[1])

    @property
    def height(self) -> int:
        return int(self._image.shape[0])

    def luma(self, max_width: int) -> Image:
        if self._luma is None:
            self._luma = np.asarray(cv2.cvtColor(self._image, cv2.COLOR_BGR2GRAY), np.uint8)
        step = -(-self.width // max(1, max_width))
        return self._luma[::step, ::step]

    def rgb(self, width: int, height: int) -> Image:
        made = self._rgb.get((width, height))
        if made is None:
            made = self._rgb[width, height] = np.asarray(cv2.cvtColor(self._scaled(width, height), cv2.COLOR_BGR2RGB), np.uint8)
        return made

    def bgr(self) -> Image:
        return self._image

    def _scaled(self, width: int, height: int) -> Image:
        """Area when it shrinks; area does not smooth when it grows, so linear then."""
        if (width, height) == (self.width, self.height):
            return self._image
        shrinks = width <= self.width and height <= self.height
        return np.asarray(cv2.resize(self._image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8)


def read_picture(data: bytes, name: str) -> BgrPlanes:
    """A PNG or a JPEG, e.g. a bundle's golden image; HardwareError for anything else, and before it is decoded for one too large."""
    size = picture_size(data)
    if size is None:
        raise HardwareError(f"{name}: not a picture that can be read; replace the file by a PNG or JPEG")
    if size[0] * size[1] > MAX_PIXELS:
        raise HardwareError(f"{name}: a picture of {size[0]}x{size[1]}, at most {MAX_PIXELS} pixels are read; make it smaller")
    # OpenCV raises for some of what is broken, and answers None for the rest
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise HardwareError(f"{name}: not a picture that can be read ({error.err}); replace the file") from error
    if image is None:
        raise HardwareError(f"{name}: not a picture that can be read; replace the file by a PNG or JPEG")
    return BgrPlanes(np.asarray(image, np.uint8))
