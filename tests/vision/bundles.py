"""Small bundles for tests, complete and valid unless a test spoils them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.vision.models import white_box
from vision.bundle import StoredBundle
from vision.bundle_write import write_bundle
from vision.types import Image

FIELDS: dict[str, Any] = {
    "name": "white-box",
    "version": "1.0.0",
    "labels": ["box"],
    "input": {"name": "image", "size": (64, 96), "multiple": 32, "pad": 114},
    "head": {"kind": "end2end"},
    "min_confidence": 0.9,
    "license": "Apache-2.0",
}


def png(picture: Image) -> bytes:
    done, data = cv2.imencode(".png", picture)
    assert done
    return data.tobytes()


def scene(width: int, height: int, box: tuple[int, int, int, int] | None, brightness: int = 255) -> Image:
    """A grey picture with a bright rectangle."""
    picture = np.full((height, width, 3), 60, np.uint8)
    if box:
        x1, y1, x2, y2 = box
        picture[y1:y2, x1:x2] = brightness
    return picture


def white_box_bundle(path: Path, model: bytes | None = None, files: dict[str, bytes] | None = None, **fields: Any) -> StoredBundle:
    contents: dict[str, bytes | Path] = {"model.onnx": model or white_box(), "CARD.md": b"# White box\n", **(files or {})}
    return write_bundle(path, {**FIELDS, **fields}, contents)
