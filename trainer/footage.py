"""A recording as pictures by number, and stills to stand before; BGR uint8."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from contracts.errors import HardwareError
from vision.types import Image


def frames(video: Path, wanted: Iterable[int]) -> dict[int, Image]:
    """The frames of these numbers, read from the first on: seeking in a compressed recording is not exact."""
    left = set(wanted)
    reader = cv2.VideoCapture(str(video))
    found: dict[int, Image] = {}
    index = 0
    while left:
        ok, picture = reader.read()
        if not ok:
            raise HardwareError(f"footage {video}: ends after {index} frames, frame {max(left)} is wanted; fetch it again")
        if index in left:
            found[index] = np.asarray(picture, np.uint8)
            left.discard(index)
        index += 1
    reader.release()
    return found


def count(video: Path) -> int:
    """Frames that can be decoded; headers lie."""
    reader = cv2.VideoCapture(str(video))
    number = 0
    while reader.grab():
        number += 1
    reader.release()
    if not number:
        raise HardwareError(f"footage {video}: no frame can be read; fetch it again")
    return number


def still(path: Path) -> Image:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise HardwareError(f"still {path}: not a picture that can be read; fetch it again")
    return np.asarray(picture, np.uint8)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
