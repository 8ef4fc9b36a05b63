"""The rendered scene: a street with people who walk through it, and its frame number readable by eye and by machine."""

from __future__ import annotations

import cv2
import numpy as np

from vision.types import Image

BITS = 32  # 24 of the number, 8 of a check
COLUMNS, ROWS = 16, 2
GRID = 40  # blocks a width: each is a fortieth of the picture wide
CHECK = 0xA5


def render(number: int, seconds: float, width: int, height: int, people: int) -> Image:
    """The scene at a time; BGR."""
    image = _street(width, height)
    for person in range(people):
        _walker(image, seconds, person)
    burn_in(image, number)
    return image


def _street(width: int, height: int) -> Image:
    image = np.empty((height, width, 3), np.uint8)
    horizon = height * 2 // 5
    image[:horizon] = np.linspace(200, 150, horizon, dtype=np.uint8)[:, None, None]
    image[horizon:] = np.linspace(90, 120, height - horizon, dtype=np.uint8)[:, None, None]
    for n in range(6):  # houses
        left = n * width // 6
        colour = (100 + 12 * n, 130 - 8 * n, 120 + 9 * (n % 3))
        cv2.rectangle(image, (left, height // 6), (left + width // 7, horizon), colour, -1)
    cv2.line(image, (0, height * 4 // 5), (width, height * 4 // 5), (160, 160, 160), max(1, height // 120))
    return image


def _walker(image: Image, seconds: float, person: int) -> None:
    """Head, trunk, legs and arms that swing; each walks at a pace and height of its own, to and fro."""
    height, width = image.shape[:2]
    tall = height * (0.30 + 0.05 * (person % 3))
    way = (seconds * (0.08 + 0.03 * (person % 4)) + person * 0.37) % 2
    x = width * (way if way < 1 else 2 - way)
    feet = height * (0.72 + 0.08 * (person % 3))
    swing = np.sin(seconds * 6 + person) * tall * 0.14
    coat = ((60, 40, 150), (130, 70, 30), (40, 110, 60), (30, 30, 30))[person % 4]
    thick = max(2, int(tall * 0.07))

    def at(dx: float, up: float) -> tuple[int, int]:
        return int(x + dx), int(feet - up * tall)

    for side in (1, -1):
        cv2.line(image, at(0, 0.48), at(side * swing, 0), (70, 50, 40), thick)
        cv2.line(image, at(0, 0.80), at(-side * swing, 0.48), coat, thick)
    cv2.line(image, at(0, 0.48), at(0, 0.82), coat, thick * 3)
    cv2.circle(image, at(0, 0.93), max(2, int(tall * 0.075)), (140, 170, 215), -1)


def burn_in(image: Image, number: int) -> None:
    """Blocks for machines, in the upper left corner, and digits beside them."""
    side = _side(image)
    value = number & 0xFFFFFF
    code = value << 8 | _check(value)
    image[: (ROWS + 1) * side, : (COLUMNS + 1) * side] = 128
    for bit in range(BITS):
        x, y = _corner(bit, side)
        image[y : y + side, x : x + side] = 235 if code >> (BITS - 1 - bit) & 1 else 20
    where = (int((COLUMNS + 2) * side), int((ROWS + 0.5) * side))
    scale = side / 11
    for colour, thick in ((0, 4), (255, 1)):
        cv2.putText(image, f"{number:06d}", where, cv2.FONT_HERSHEY_SIMPLEX, scale, (colour,) * 3, max(1, int(thick * scale)), cv2.LINE_AA)


def read_number(image: Image) -> int | None:
    """The burnt-in number of a picture, grey or in colour, of any size of the same shape; None when it cannot be read."""
    side = image.shape[1] / GRID
    code = 0
    for bit in range(BITS):
        x, y = side / 2 + bit % COLUMNS * side, side / 2 + bit // COLUMNS * side
        block: Image = image[int(y + side * 0.25) : int(y + side * 0.75) + 1, int(x + side * 0.25) : int(x + side * 0.75) + 1]
        if not block.size:
            return None
        code = code * 2 + (1 if float(block.mean()) > 127 else 0)
    value: int = code >> 8
    return value if code & 0xFF == _check(value) else None


def _side(image: Image) -> int:
    return max(1, int(image.shape[1]) // GRID)


def _corner(bit: int, side: int) -> tuple[int, int]:
    return side // 2 + bit % COLUMNS * side, side // 2 + bit // COLUMNS * side


def _check(value: int) -> int:
    return (value ^ value >> 8 ^ value >> 16 ^ CHECK) & 0xFF
