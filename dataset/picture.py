"""Picture: an image as it is kept: named by its pixels, stored as PNG, so that another encoder gives another file and the same name."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import cv2
import numpy as np

from contracts.dataset import LARGEST_PX
from contracts.errors import HardwareError
from vision.picture_size import picture_size
from vision.planes import MAX_PIXELS, read_picture
from vision.types import Image


@dataclass(frozen=True, slots=True)
class Picture:
    """`id` is of the pixels, `sha256` of the file."""

    id: str
    width: int
    height: int
    png: bytes
    sha256: str
    phash: int


def as_bgr(image: Image) -> Image:
    """BGR HWC uint8 of what may be gray; ValueError for anything else."""
    if image.ndim == 2:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"a picture is height x width x 3 (BGR) or height x width (gray) of uint8, not {image.shape} of {image.dtype}")
    if max(image.shape[:2]) > LARGEST_PX or image.shape[0] * image.shape[1] > MAX_PIXELS:
        raise ValueError(f"a picture of {image.shape[1]}x{image.shape[0]}, at most {MAX_PIXELS} pixels are kept; make it smaller")
    return np.ascontiguousarray(image)


def image_id(image: Image) -> str:
    """SHA-256 of `vedette-pixels-1 <width>x<height> bgr8`, a newline, and the rows: the same on every machine and with every encoder."""
    digest = sha256(f"vedette-pixels-1 {image.shape[1]}x{image.shape[0]} bgr8\n".encode())
    digest.update(image.data)
    return digest.hexdigest()


def encoded(image: Image, level: int) -> bytes:
    """PNG without loss; `level` 1 is fast, 9 small: 1 to 6 gains a tenth of the size for four times the time."""
    done, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, level])
    if not done:
        raise ValueError(f"a picture of {image.shape} cannot be made a PNG")
    return data.tobytes()


def stored(image: Image, name: str, value: int, level: int = 1) -> Picture:
    """What is stored of an image, of which id and hash are known already."""
    png = encoded(image, level)
    return Picture(name, image.shape[1], image.shape[0], png, sha256(png).hexdigest(), value)


def pixels(data: bytes, name: str) -> Image:
    """A PNG or JPEG as BGR; HardwareError for what is not one, or is too large, before it is decoded."""
    size = picture_size(data)
    if size is not None and max(size) > LARGEST_PX:
        raise HardwareError(f"{name}: a picture of {size[0]}x{size[1]}, a side has at most {LARGEST_PX} pixels; make it smaller")
    return as_bgr(read_picture(data, name).bgr())
