"""Pictures: decoded when they are wanted, some kept in memory; one that is broken is named and another stands in for it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np

from contracts.errors import ConfigError, HardwareError
from dataset.items import Item
from dataset.layout import read_small
from dataset.picture import pixels
from trainer.jobs.told import Told
from trainer.judge.ground import Ground
from trainer.train.example import Example, Image
from trainer.train.material import UNREADABLE, Material, refuse_broken

EACH = 64  # val pictures between two questions whether to go on


def read_rgb(path: Path, width: int, height: int, digest: str = "") -> Image:
    """HardwareError for a file that is no picture, is another one than was put there, or of another size."""
    data = read_small(path)
    if digest and sha256(data).hexdigest() != digest:
        raise HardwareError(f"{path}: is not the file that was put there (its SHA-256 differs); bring it back from a copy")
    image = pixels(data, str(path))
    if image.shape[:2] != (height, width):
        raise HardwareError(f"{path}: is {image.shape[1]}x{image.shape[0]}, the set says {width}x{height}; bring the picture back")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


class Pictures:
    """Several threads may ask. What is broken is a property of the files, so a resumed run sees the same."""

    def __init__(self, examples: Sequence[Example], cache_bytes: int, max_share: float, broken: Mapping[str, str], pictures: int) -> None:
        self.examples = examples
        self.broken = dict(broken)
        self._room, self._share, self._pictures = cache_bytes, max_share, pictures
        self._kept: dict[int, Image] = {}
        self._lock = threading.Lock()

    def get(self, index: int) -> tuple[Example, Image]:
        """The picture of that number, or the next that can be read."""
        for number in range(index, index + len(self.examples)):
            example = self.examples[number % len(self.examples)]
            image = self._kept.get(number % len(self.examples))
            if image is not None:
                return example, image
            if example.id in self.broken:
                continue
            try:
                image = read_rgb(example.path, example.width, example.height, example.sha256)
            except UNREADABLE as error:
                self._note(example.id, str(error))
                continue
            self._keep(number % len(self.examples), image)
            return example, image
        raise HardwareError("none of the pictures of the train part can be read; bring the data set back")

    def _note(self, name: str, why: str) -> None:
        with self._lock:
            self.broken[name] = why
            refuse_broken(self.broken, self._pictures, self._share)

    def _keep(self, index: int, image: Image) -> None:
        """Until the room is used up; nothing is thrown out again, since all are wanted equally often."""
        with self._lock:
            if image.nbytes <= self._room and index not in self._kept:
                self._room -= image.nbytes
                self._kept[index] = image


def with_readable_val(material: Material, max_share: float, loaders: int, told: Told) -> Material:
    """Every val picture is decoded once before anything is learnt; those that cannot be are left out, and named."""
    with ThreadPoolExecutor(loaders, thread_name_prefix="look") as pool:
        faults: list[str] = []
        for start in range(0, len(material.val_items), EACH):
            if told.stopped():
                raise ConfigError("training: stopped before it began; nothing was written")
            faults += pool.map(_fault, material.val_items[start : start + EACH])
            told.progress(0.0, f"looking at the val pictures: {len(faults)} of {len(material.val_items)}")
    broken = {item.id: why for item, why in zip(material.val_items, faults, strict=True) if why}
    if not broken:
        return material
    refuse_broken({**material.broken, **broken}, material.pictures, max_share)
    cases = tuple(case for case in material.val.cases if case.id not in broken)
    items = tuple(item for item in material.val_items if item.id not in broken)
    return replace(material, val=Ground(material.val.classes, cases), val_items=items, broken={**material.broken, **broken})


def _fault(item: Item) -> str:
    if item.path is None:
        return f"{item.file}: its picture is not there"
    try:
        read_rgb(item.path, item.width, item.height, item.sha256)
    except UNREADABLE as error:
        return str(error)
    return ""
