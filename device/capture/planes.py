"""AvPlanes: a decoded picture that makes smaller and coloured pictures of itself when asked, each once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

from device.capture.paint import painted
from device.pipeline.packets import Outlines
from vision.types import Image

EIGHT_BIT_Y = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "gray", "yuv411p", "yuv440p"}
TEN_BIT_Y = {"yuv420p10le": 2, "yuv422p10le": 2, "yuv444p10le": 2, "gray10le": 2, "yuv420p12le": 4}  # bits to drop
HD_LINES = 720  # from here on video that does not say otherwise is BT.709, below BT.601
UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
HALVED = {"yuv420p": "yuv422p", "yuv422p": "yuv422p", "nv12": "yuv422p", "yuvj420p": "yuvj422p", "yuvj422p": "yuvj422p"}


class Scaler:
    """swscale contexts by target, shared by the pictures of one stream: making one costs more than using it.

    A picture that gets at least twice as small is made small first and coloured then: half the work, for swscale would bring the
    colours to the width of the large picture's rows.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contexts: dict[tuple[int, int, str], tuple[threading.Lock, VideoReformatter]] = {}

    def scale(self, picture: av.VideoFrame, width: int, height: int, pixels: str) -> av.VideoFrame:
        small = HALVED.get(picture.format.name)
        if small and pixels != "gray" and 2 * width <= picture.width and 2 * height <= picture.height:
            matrix = _matrix(picture)
            return self._to(self._to(picture, width, height, small, None), width, height, pixels, matrix)
        return self._to(picture, width, height, pixels, _matrix(picture))

    def _to(self, picture: av.VideoFrame, width: int, height: int, pixels: str, matrix: Colorspace | None) -> av.VideoFrame:
        key = (width, height, f"{picture.format.name} {pixels}")
        with self._lock:
            if len(self._contexts) > 16:
                self._contexts.clear()  # sizes that change all the time (crops) must not pile up
            lock, context = self._contexts.setdefault(key, (threading.Lock(), VideoReformatter()))
        same = (width, height) == (picture.width, picture.height)
        with lock:
            return context.reformat(
                picture, width, height, pixels, matrix, interpolation="BILINEAR" if same else "AREA", threads=1
            )


def _matrix(picture: av.VideoFrame) -> Colorspace | None:
    return Colorspace.ITU709 if picture.colorspace == UNSPECIFIED and picture.height >= HD_LINES else None


class AvPlanes:
    """`turns`: quarter turns clockwise until the picture is upright; `aspect`: width of a sample over its height; `hides`: outlines
    that are black in all that it gives, painted when somebody asks for the first time: most pictures nobody looks at.
    """

    def __init__(
        self, picture: av.VideoFrame, scaler: Scaler, turns: int = 0, aspect: Fraction = Fraction(1), hides: Outlines = ()
    ) -> None:
        self._picture, self._scaler, self.turns, self.aspect, self._hides = picture, scaler, turns % 4, aspect, hides
        self._flat_width = max(1, round(picture.width * aspect))  # as shown, before it is turned
        self._made: dict[tuple[str, int, int], Image] = {}
        self._lock = threading.Lock()

    @property
    def width(self) -> int:
        return self._picture.height if self.turns % 2 else self._flat_width

    @property
    def height(self) -> int:
        return self._flat_width if self.turns % 2 else self._picture.height

    def luma(self, max_width: int) -> Image:
        return self._once(("luma", max_width, 0), lambda: self._turned(self._luma(max_width)))

    def rgb(self, width: int, height: int) -> Image:
        return self._once(("rgb24", width, height), lambda: self._coloured("rgb24", width, height))

    def bgr(self) -> Image:
        return self._once(("bgr24", 0, 0), lambda: self._coloured("bgr24", self.width, self.height))

    def picture(self) -> av.VideoFrame:
        """As it lies in memory, with what is hidden black: for the encoder."""
        with self._lock:
            return self._shown()

    def _shown(self) -> av.VideoFrame:
        """The only way to the pixels; under the lock."""
        if self._hides:
            self._picture, self._hides = painted(self._picture, self._hides, self.turns), ()
        return self._picture

    def _once(self, key: tuple[str, int, int], make: Callable[[], Image]) -> Image:
        with self._lock:  # also keeps two threads from scaling one picture at a time
            if key not in self._made:
                image = make()
                image.flags.writeable = False
                self._made[key] = image
            return self._made[key]

    def _luma(self, max_width: int) -> Image:
        step = max(1, -(-self.width // max_width))
        picture = self._shown()
        name = picture.format.name
        if name in EIGHT_BIT_Y:
            return _rows(picture, np.uint8, 1)[::step, : picture.width : step]
        if name == "yuyv422":
            return _rows(picture, np.uint8, 1)[::step, : picture.width * 2 : 2 * step]
        if name in TEN_BIT_Y:
            deep = _rows(picture, np.uint16, 2)[::step, : picture.width : step]
            return (deep >> TEN_BIT_Y[name]).astype(np.uint8)
        width, height = -(-picture.width // step), -(-picture.height // step)
        return _rows(self._scaler.scale(picture, width, height, "gray"), np.uint8, 1)[:, :width]

    def _coloured(self, pixels: str, width: int, height: int) -> Image:
        flat = (height, width) if self.turns % 2 else (width, height)
        scaled = self._scaler.scale(self._shown(), *flat, pixels)
        rows = _rows(scaled, np.uint8, 1)[:, : flat[0] * 3]
        return np.ascontiguousarray(self._turned(rows.reshape(flat[1], flat[0], 3)))

    def _turned(self, image: Image) -> Image:
        return np.rot90(image, -self.turns) if self.turns else image


def _rows(picture: av.VideoFrame, dtype: type[np.uint8 | np.uint16], size: int) -> NDArray[Any]:
    """The first plane as it lies in memory, padding at the end of rows included; a view."""
    plane = picture.planes[0]
    flat: NDArray[Any] = np.frombuffer(cast("bytes", plane), dtype)  # a VideoPlane has the buffer protocol, PyAV's stubs do not say so
    return flat.reshape(-1, plane.line_size // size)[: picture.height]
