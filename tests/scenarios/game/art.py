"""Art: a moving world, letters and emblems, drawn by OpenCV with its own fonts (Rubik and WenQuanYi, under their free licences) and, where
they are installed, Debian's DejaVu (Bitstream Vera's licence). All shapes are ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.types import Image

Color = tuple[int, int, int]  # BGR
WIDTH, HEIGHT = 1280, 720  # everything is laid out for that, and drawn for the size asked for
DEJAVU = Path("/usr/share/fonts/truetype/dejavu")
FONTS = ("sans", "italic", "uni", *(str(DEJAVU / f"{name}.ttf") for name in ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif-Bold")))


@dataclass(frozen=True, eq=False)
class Sprite:
    """A picture with transparency, to be put onto others."""

    color: NDArray[np.float32]  # height, width, 3
    alpha: NDArray[np.float32]  # height, width, 1

    def onto(self, frame: Image, x: int, y: int, opacity: float = 1.0) -> None:
        """In place; what lies outside is cut off."""
        x1, y1 = max(0, x), max(0, y)
        x2, y2 = min(frame.shape[1], x + self.alpha.shape[1]), min(frame.shape[0], y + self.alpha.shape[0])
        if x1 >= x2 or y1 >= y2 or opacity <= 0:
            return
        mine = np.s_[y1 - y : y2 - y, x1 - x : x2 - x]
        alpha = self.alpha[mine] * np.float32(opacity)
        part = frame[y1:y2, x1:x2]
        part[:] = (part * (1 - alpha) + self.color[mine] * alpha + 0.5).astype(np.uint8)

    def png(self) -> bytes:
        picture = np.dstack([self.color, self.alpha * 255]).round().clip(0, 255).astype(np.uint8)
        return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def font(number: int) -> str:
    """One that is here."""
    there = [name for name in FONTS if not name.startswith("/") or Path(name).exists()]
    return there[number % len(there)]


@lru_cache(maxsize=64)
def _face(name: str) -> cv2.FontFace:
    return cv2.FontFace(name)


@lru_cache(maxsize=256)
def text(words: str, size: float, color: Color = (255, 255, 255), face: str = "sans", weight: int = 500, shadow: bool = False) -> Sprite:
    """The words, `size` pixels high from line to line, with room around for the shadow; drawn four times as large, so that a film of
    another size shows the same shapes."""
    large = round(size * 4)
    canvas = np.zeros((-(-large * 2 // 4) * 4, (large * max(2, len(words)) + 64) // 4 * 4, 3), np.uint8)
    cv2.putText(canvas, words, (16, round(large * 1.3)), (255, 255, 255), _face(face), large, weight)
    columns = np.flatnonzero(canvas[..., 0].any(axis=0))
    right = (int(columns[-1]) // 4 + 6) * 4 if len(columns) else 32
    cut = np.ascontiguousarray(canvas[:, :right, 0])
    small = cv2.resize(cut, (cut.shape[1] // 4, cut.shape[0] // 4), interpolation=cv2.INTER_AREA)
    ink = small.astype(np.float32)[..., None] / np.float32(255)
    color_plane = np.broadcast_to(np.array(color, np.float32), (*ink.shape[:2], 3))
    if not shadow:
        return Sprite(np.ascontiguousarray(color_plane), ink)
    dark = cv2.GaussianBlur(np.roll(ink, (1, 1), (0, 1))[..., 0], (0, 0), 1.2)[..., None] * 0.8
    alpha = ink + dark * (1 - ink)
    return Sprite(np.where(alpha > 0, color_plane * ink / np.maximum(alpha, 1e-6), 0).astype(np.float32), alpha.astype(np.float32))


def plate(width: int, height: int, color: Color, opacity: float) -> Sprite:
    return Sprite(np.full((height, width, 3), color, np.float32), np.full((height, width, 1), opacity, np.float32))


def emblem(width: int, height: int, draw: Callable[[Image, Image], None]) -> Sprite:
    """`draw` paints colours and coverage (0 to 255) at four times the size."""
    color, cover = np.zeros((height * 4, width * 4, 3), np.uint8), np.zeros((height * 4, width * 4), np.uint8)
    draw(color, cover)
    small = cv2.resize(color.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(cover, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / np.float32(255)
    covered = cv2.resize((cover[..., None] / 255 * color).astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return Sprite(np.where(alpha > 0.02, covered / np.maximum(alpha, 0.02), small).astype(np.float32), alpha)


class World:
    """What a player would see: walls and hills that slide by, with a sensor's noise, so that a coder has work."""

    def __init__(self, seed: int, width: int, height: int) -> None:
        self._size = width, height
        rng = np.random.default_rng(seed)
        tall, wide = height * 2, width * 2
        canvas = np.zeros((tall, wide, 3), np.float32)
        for cells, weight in ((6, 60), (24, 45), (96, 30)):
            blobs = (rng.normal(0, 1, (cells, cells * 2, 1)) + 0.2 * rng.normal(0, 1, (cells, cells * 2, 3))).astype(np.float32)
            canvas += weight * cv2.resize(blobs, (wide, tall), interpolation=cv2.INTER_CUBIC)
        picture = (canvas * 0.7 + (70, 92, 88)).clip(0, 235).astype(np.uint8)
        for _ in range(90):
            x, y = int(rng.integers(0, wide)), int(rng.integers(0, tall))
            w, h = int(rng.integers(10, wide // 10)), int(rng.integers(10, tall // 6))
            shade = tuple(int(v) for v in (rng.integers(20, 200) + rng.integers(-22, 22, 3)).clip(0, 255))
            cv2.rectangle(picture, (x, y), (x + w, y + h), shade, -1)
        self._picture = picture
        self._noise = rng.integers(0, 14, (height + 64, width + 64, 3), np.uint8)

    def at(self, ms: int, look: int) -> Image:
        """A new picture each millisecond, the same for the same one."""
        width, height = self._size
        t, turn = ms / 1000, look % 628 / 100
        x = round((0.5 + 0.48 * np.sin(t * 0.31 + turn)) * (self._picture.shape[1] - width))
        y = round((0.5 + 0.48 * np.sin(t * 0.23 + 2 * turn)) * (self._picture.shape[0] - height))
        dx, dy = (ms * 7919 + look) % 64, (ms * 104729 + look) % 64
        return np.asarray(cv2.add(self._picture[y : y + height, x : x + width], self._noise[dy : dy + height, dx : dx + width]), np.uint8)
