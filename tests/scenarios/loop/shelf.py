"""Shelf: a rendered shelf of bottles, cans and glasses that a camera pans along, by day or in the evening, and where each of them is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

import cv2
import numpy as np

from vision.types import Image

CLASSES = ("bottle", "can", "glass")
WIDTH, HEIGHT = 320, 240  # of a picture
LENGTH = 560  # of the shelf, as far as the camera pans
BOARDS = (112, 222)  # where the upper and the lower board are
LEAST_SEEN = 0.4  # of a thing at the edge of the picture, for it to count
FINE = 3  # bits behind the point, for edges that move smoothly
World = Literal["day", "evening"]
Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Thing:
    """Stands at `x` (its left side) on a board, in pixels of the shelf."""

    kind: str
    x: float
    board: int
    width: float
    height: float
    colour: Colour
    label: Colour

    @property
    def top(self) -> float:
        return BOARDS[self.board] - self.height


@dataclass(frozen=True, slots=True)
class Shelf:
    """What stands where, and in what light: all decided by the seed."""

    seed: int
    world: World
    things: tuple[Thing, ...]
    wall: Image
    speed: float  # of the camera, turns a second
    start: float

    def at(self, second: float) -> tuple[Image, list[tuple[str, Box]]]:
        """The picture (HEIGHT, WIDTH, 3), BGR, and the boxes (x, y, width, height) of what can be seen well enough in it."""
        pan = (LENGTH - WIDTH) * (0.5 - 0.5 * math.cos(math.tau * (self.start + self.speed * second)))
        picture = _moved(self.wall, pan)
        for thing in self.things:
            _draw(picture, thing, pan)
        boxes = [(thing.kind, box) for thing in self.things if (box := _seen(thing, pan)) is not None]
        return _lit(picture, self.world, self.seed * 1000 + int(second * 100)), boxes


def shelf(seed: int, world: World) -> Shelf:
    chance = Random(f"shelf {seed}")
    things = [thing for board in (0, 1) for thing in _row(chance, board, world)]
    return Shelf(seed, world, tuple(things), _wall(chance), chance.uniform(0.02, 0.04), chance.random())


def _row(chance: Random, board: int, world: World) -> list[Thing]:
    row, x = [], chance.uniform(4, 40)
    while x < LENGTH - 40:
        thing = _thing(chance, x, board, world)
        row.append(thing)
        x += thing.width + (chance.uniform(2, 12) if chance.random() < 0.7 else chance.uniform(20, 60))
    return row


def _thing(chance: Random, x: float, board: int, world: World) -> Thing:
    kind = chance.choice(CLASSES)
    width, height = {
        "bottle": (chance.uniform(18, 26), chance.uniform(66, 92)),
        "can": (chance.uniform(22, 30), chance.uniform(34, 46)),
        "glass": (chance.uniform(24, 34), chance.uniform(40, 56)),
    }[kind]
    low, high = (90, 250) if world == "day" else (60, 200)  # the evening's goods are other ones, in darker packing
    colour, label = _colour(chance, low, high), _colour(chance, low, high)
    return Thing(kind, x, board, width, height, colour, label)


def _colour(chance: Random, low: int, high: int) -> Colour:
    return chance.randint(low, high), chance.randint(low, high), chance.randint(low, high)


def _wall(chance: Random) -> Image:
    """Coarse patches, posters and boards: no two shops look alike."""
    coarse = np.random.default_rng(chance.randrange(1 << 30)).integers(90, 220, (4, 8, 3)).astype(np.uint8)
    wall: Image = cv2.resize(coarse, (LENGTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    for _ in range(chance.randint(4, 9)):
        x, y = chance.randrange(LENGTH), chance.randrange(HEIGHT)
        corner = (x + chance.randint(20, 120), y + chance.randint(10, 70))
        cv2.rectangle(wall, (x, y), corner, _colour(chance, 60, 240), -1)
    for board in BOARDS:
        cv2.rectangle(wall, (0, board), (LENGTH, board + 9), _colour(chance, 60, 140), -1)
        for x in range(chance.randint(0, 30), LENGTH, chance.randint(36, 60)):
            cv2.rectangle(wall, (x, board + 1), (x + 20, board + 8), (225, 235, 240), -1)
    return wall


def _moved(wall: Image, pan: float) -> Image:
    """The part of the wall from `pan` on, which need not be a whole pixel."""
    shift = np.array([[1, 0, -pan], [0, 1, 0]], np.float32)
    moved: Image = cv2.warpAffine(wall, shift, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return moved


def _draw(picture: Image, thing: Thing, pan: float) -> None:
    here = replace(thing, x=thing.x - pan)
    if -40 < here.x < WIDTH + 4:
        {"bottle": _bottle, "can": _can, "glass": _glass}[thing.kind](picture, here)


def _polygon(picture: Image, points: list[tuple[float, float]], colour: Colour) -> None:
    fine = np.round(np.array(points) * (1 << FINE)).astype(np.int32)
    cv2.fillPoly(picture, [fine], colour, cv2.LINE_AA, FINE)


def _bottle(picture: Image, it: Thing) -> None:
    x, w, top, h = it.x, it.width, it.top, it.height
    shoulder, neck = top + 0.38 * h, 0.3 * w
    left, right = x + (w - neck) / 2, x + (w + neck) / 2
    outline = [(left, top), (right, top), (right, top + 0.22 * h), (x + w, shoulder), (x + w, top + h), (x, top + h), (x, shoulder)]
    _polygon(picture, [*outline, (left, top + 0.22 * h)], it.colour)
    _polygon(picture, [(x, top + 0.55 * h), (x + w, top + 0.55 * h), (x + w, top + 0.8 * h), (x, top + 0.8 * h)], it.label)
    _polygon(picture, [(left, top), (right, top), (right, top + 0.06 * h), (left, top + 0.06 * h)], it.label)


def _can(picture: Image, it: Thing) -> None:
    x, w, top, h = it.x, it.width, it.top, it.height
    edge = 0.12 * w
    outline = [(x + edge, top), (x + w - edge, top), (x + w, top + 0.1 * h), (x + w, top + 0.92 * h), (x + w - edge, top + h)]
    _polygon(picture, [*outline, (x + edge, top + h), (x, top + 0.92 * h), (x, top + 0.1 * h)], it.colour)
    _polygon(picture, [(x + edge, top), (x + w - edge, top), (x + w, top + 0.1 * h), (x, top + 0.1 * h)], (190, 190, 190))
    _polygon(picture, [(x, top + 0.35 * h), (x + w, top + 0.25 * h), (x + w, top + 0.6 * h), (x, top + 0.7 * h)], it.label)


def _glass(picture: Image, it: Thing) -> None:
    """Wider at the top, and the wall is seen through it."""
    x, w, top, h = it.x, it.width, it.top, it.height
    foot = 0.18 * w
    behind = picture.copy()
    _polygon(picture, [(x, top), (x + w, top), (x + w - foot, top + h), (x + foot, top + h)], (235, 235, 225))
    level = top + 0.45 * h
    part = foot * 0.45
    _polygon(picture, [(x + part, level), (x + w - part, level), (x + w - foot, top + h), (x + foot, top + h)], it.colour)
    cv2.addWeighted(picture, 0.65, behind, 0.35, 0, dst=picture)


def _seen(thing: Thing, pan: float) -> Box | None:
    left, right = max(0.0, thing.x - pan), min(float(WIDTH), thing.x - pan + thing.width)
    if right - left < LEAST_SEEN * thing.width:
        return None
    return left, thing.top, right - left, thing.height


def _lit(picture: Image, world: World, seed: int) -> Image:
    chance = np.random.default_rng(seed)
    if world == "day":
        return np.clip(picture + chance.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
    dim = picture * np.array([0.5, 0.6, 0.7])  # warm lamps, few of them
    return np.clip(dim + chance.normal(0, 7, picture.shape), 0, 255).astype(np.uint8)
