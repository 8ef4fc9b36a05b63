"""Pictures as JPEG, no larger than asked: of a decoded picture, or of an encoded one."""

from __future__ import annotations

import cv2
import numpy as np

from vision.types import Image, Planes


def fitted(width_px: int, height_px: int, max_width_px: int) -> tuple[int, int]:
    """Not wider than asked, even numbers, same shape."""
    if width_px <= max_width_px:
        return width_px, height_px
    return max_width_px & ~1, max(2, round(height_px * max_width_px / width_px) & ~1)


def encoded(bgr: Image, quality: int) -> bytes:
    ok, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ValueError(f"a picture of {bgr.shape} could not be written as JPEG")
    return data.tobytes()


def shrunk(bgr: Image, max_width_px: int) -> Image:
    size = fitted(bgr.shape[1], bgr.shape[0], max_width_px)
    return bgr if size == (bgr.shape[1], bgr.shape[0]) else np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)


def of_planes(planes: Planes, max_width_px: int, quality: int) -> bytes:
    """A smaller picture is made straight from the planes: cheaper than the whole one and a resize."""
    width, height = fitted(planes.width, planes.height, max_width_px)
    if width == planes.width:
        return encoded(planes.bgr(), quality)
    return encoded(np.ascontiguousarray(planes.rgb(width, height)[:, :, ::-1]), quality)


def of_file(data: bytes, max_width_px: int, quality: int) -> bytes | None:
    """A thumbnail of an encoded picture; None: it is none."""
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    return None if bgr is None else encoded(shrunk(np.asarray(bgr, np.uint8), max_width_px), quality)
