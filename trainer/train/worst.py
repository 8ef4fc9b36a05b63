"""Worst: the mistakes an owner should see first, each drawn into its picture."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from dataset.items import Item
from trainer.judge.ground import Answers, Ground
from trainer.judge.mistakes import Mistake, mistakes
from trainer.train.example import Image
from trainer.train.material import UNREADABLE
from trainer.train.pictures import read_rgb

EACH = 8  # of a kind
WIDTH = 360  # pixels of a drawn picture
TRUTH, WRONG, CASED = (40, 200, 80), (240, 60, 40), (0, 0, 0)
KINDS: Mapping[str, tuple[str, ...]] = {
    "Missed": ("missed",),
    "False alarms": ("background", "duplicate"),
    "Wrong place": ("localisation", "both"),
    "Wrong class": ("classification",),
}


@dataclass(frozen=True, eq=False)
class Shot:
    """A mistake as a JPEG, and what is said under it."""

    jpeg: bytes
    words: str

    def address(self) -> str:
        """The picture itself, so that the page asks nobody for it."""
        return f"data:image/jpeg;base64,{b64encode(self.jpeg).decode()}"


def worst(ground: Ground, answers: Answers, points: Mapping[str, float], items: Sequence[Item]) -> dict[str, tuple[int, list[Shot]]]:
    """By kind: how many, and the worst of them: the surest answers, the largest things missed; of one picture one."""
    found, by_id = mistakes(ground, answers, points), {item.id: item for item in items}
    result: dict[str, tuple[int, list[Shot]]] = {}
    for title, kinds in KINDS.items():
        mine = sorted((each for each in found if each.kind in kinds), key=_badness, reverse=True)
        shots = [shot for each in _one_a_picture(mine)[:EACH] if (shot := _shot(each, by_id[each.picture])) is not None]
        result[title] = len(mine), shots
    return result


def _badness(each: Mistake) -> float:
    return each.confidence if each.confidence is not None else each.box[2] * each.box[3]


def _one_a_picture(found: Sequence[Mistake]) -> list[Mistake]:
    first: dict[str, Mistake] = {}
    for each in found:
        first.setdefault(each.picture, each)
    return list(first.values())


def _shot(each: Mistake, item: Item) -> Shot | None:
    if item.path is None:
        return None
    try:
        image = read_rgb(item.path, item.width, item.height, item.sha256)
    except UNREADABLE:
        return None  # it could be read before; the report does without it
    sure = "" if each.confidence is None else f", {each.confidence:.2f} sure"
    return Shot(_drawn(image, each, item), f"{each.kind}: {each.label}{sure} ({item.origin.camera or item.id[:12]})")


def _drawn(image: Image, each: Mistake, item: Item) -> bytes:
    scale = WIDTH / image.shape[1]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    size = WIDTH, max(1, round(image.shape[0] * scale))
    small = np.ascontiguousarray(cv2.resize(image, size, interpolation=how), np.uint8)
    for label in item.labels:
        _box(small, label.box, scale, TRUTH, 1)
    _box(small, each.box, scale, WRONG, 2)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])
    return bytes(np.asarray(data).tobytes())


def _box(image: Image, box: tuple[float, float, float, float], scale: float, colour: tuple[int, int, int], thick: int) -> None:
    x, y, width, height = box
    corners = (round(x * scale), round(y * scale)), (round((x + width) * scale), round((y + height) * scale))
    cv2.rectangle(image, *corners, CASED, thick + 2)
    cv2.rectangle(image, *corners, colour, thick)
