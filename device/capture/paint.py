"""Paint: what an owner hides is made black in the decoded planes, before anything sees the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from device.pipeline.packets import Outline, Outlines

AS_IT_IS = ("yuv4", "yuvj4", "nv12", "nv21", "gray")  # what is painted so, also with ten bits; else it is made YUV 4:2:0 first
EDGE_PX = 3  # of a line painted on each outline: rounding to pixels, and colours of half the size, hide more and never less


def painted(picture: av.VideoFrame, outlines: Outlines, turns: int = 0) -> av.VideoFrame:
    """The picture with each outline (0..1 of it as it is shown, `turns` quarter turns clockwise from how it lies) black.

    The decoder predicts the next pictures from this one's memory: it is written to a copy, unless nobody else holds it.
    """
    name = picture.format.name
    if not name.startswith(AS_IT_IS) or name.startswith("grayf") or name.endswith("be"):
        picture = picture.reformat(format="yuv420p", threads=1)
    picture.make_writable()
    deep = picture.format.components[0].bits - 8
    for number, plane in enumerate(picture.planes):
        luma = number == 0
        black = ((0 if _full_range(picture) else 16) if luma else 128) << deep
        pixels = _pixels(plane, picture, number, deep > 0)
        for outline in outlines:
            _fill(pixels, _as_it_lies(outline, turns), black)
    return picture


def _full_range(picture: av.VideoFrame) -> bool:
    return picture.format.name.startswith("yuvj") or picture.color_range == ColorRange.JPEG


def _pixels(plane: Any, picture: av.VideoFrame, number: int, deep: bool) -> NDArray[Any]:
    """A plane as rows of pixels, the two colours of NV12 as one pixel of two; a view that can be written to."""
    two = number == 1 and picture.format.name.startswith("nv")
    dtype: type[np.uint8 | np.uint16] = np.uint16 if deep else np.uint8
    flat: NDArray[Any] = np.frombuffer(cast("bytes", plane), dtype)
    rows = flat.reshape(-1, plane.line_size // flat.itemsize)[: plane.height]
    return rows[:, : plane.width * 2].reshape(plane.height, plane.width, 2) if two else rows[:, : plane.width]


def _as_it_lies(outline: Outline, turns: int) -> Sequence[tuple[float, float]]:
    for _ in range(turns % 4):
        outline = tuple((y, 1 - x) for x, y in outline)
    return outline


def _fill(pixels: NDArray[Any], outline: Sequence[tuple[float, float]], value: int) -> None:
    height, width = pixels.shape[:2]
    corners = np.rint(np.array(outline, np.float64) * (width, height)).astype(np.int32)
    colour = (value, value, value)
    cv2.fillPoly(pixels, [corners], colour)
    cv2.polylines(pixels, [corners], True, colour, EDGE_PX)
