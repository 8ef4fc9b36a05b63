"""Letterbox: where a picture lies in a network's input, and the exact way back for boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Fit:
    """A picture of src_width x src_height drawn as new_width x new_height at (left, top) of an input of width x height."""

    src_width: int
    src_height: int
    width: int
    height: int
    new_width: int
    new_height: int
    left: int
    top: int

    def forward(self, xyxy: NDArray[Any]) -> NDArray[np.float64]:
        """Boxes in pixels of the picture as pixels of the input."""
        return np.asarray(xyxy, np.float64) * self._scale() + (self.left, self.top, self.left, self.top)

    def back(self, xyxy: NDArray[Any]) -> NDArray[np.float32]:
        """Boxes in pixels of the input as pixels of the picture; they may reach beyond its edges."""
        return ((np.asarray(xyxy, np.float64) - (self.left, self.top, self.left, self.top)) / self._scale()).astype(np.float32)

    def clip(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes in pixels of the picture, cut at its edges."""
        return np.clip(xyxy, 0, np.array([self.src_width, self.src_height] * 2, np.float32))

    def _scale(self) -> NDArray[np.float64]:
        """Each axis has its own: the size drawn is whole pixels, so the two differ a little even in a letterbox."""
        return np.array([self.new_width / self.src_width, self.new_height / self.src_height] * 2)


def fit_picture(src_width: int, src_height: int, height: int, width: int, fit: Literal["letterbox", "stretch"] = "letterbox") -> Fit:
    """`letterbox` keeps the picture's aspect and centres it, `stretch` fills the input."""
    if min(src_width, src_height, width, height) < 1:
        raise ValueError(f"a picture of {src_width}x{src_height} does not fit an input of {width}x{height}: sides are at least 1 pixel")
    if fit == "stretch":
        return Fit(src_width, src_height, width, height, width, height, 0, 0)
    scale = min(width / src_width, height / src_height)
    new_width = min(width, max(1, round(src_width * scale)))
    new_height = min(height, max(1, round(src_height * scale)))
    return Fit(src_width, src_height, width, height, new_width, new_height, (width - new_width) // 2, (height - new_height) // 2)


def picture_shape(src_width: int, src_height: int, size: tuple[int, int], multiple: int) -> tuple[int, int]:
    """The input (height, width) of the picture's own aspect: what its letterbox into `size` covers, up to the next multiple.

    The picture is drawn as large as in `size`, so accuracy is that of the padded input at a fraction of its cost.
    """
    inner = fit_picture(src_width, src_height, *size)
    return _up(inner.new_height, multiple), _up(inner.new_width, multiple)


def _up(pixels: int, multiple: int) -> int:
    return -(-pixels // multiple) * multiple
