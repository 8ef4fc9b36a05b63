"""Samples: a picture with its boxes, small enough to stand in a page."""

from __future__ import annotations

import base64
from colorsys import hls_to_rgb
from hashlib import sha256
from html import escape

import cv2
import numpy as np

from contracts.errors import VedetteError
from dataset.items import Box, Item
from vision.planes import read_picture

WIDEST_PX = 320
QUALITY = 72  # of JPEG
MOST_BOXES = 60
LARGEST_FILE = 64 << 20  # bytes


def figure(item: Item) -> str:
    """The picture inside the page with its boxes over it; nothing for one that cannot be read."""
    data = thumbnail(item)
    if not data:
        return ""
    boxes = "".join(_region(box) for box in item.ignore) + "".join(_box(label.box, label.category) for label in item.labels[:MOST_BOXES])
    names = ", ".join(sorted({label.category for label in item.labels})) or "no labels"
    words = escape(f"{item.file}: {names}")
    return (
        f'<figure title="{words}"><div><img alt="{words}" src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'
        f'<svg viewBox="0 0 {item.width} {item.height}" preserveAspectRatio="none">{boxes}</svg></div>'
        f"<figcaption>{words}</figcaption></figure>"
    )


def thumbnail(item: Item) -> bytes:
    """A JPEG, at most so wide; empty when there is none."""
    try:
        if item.path is None or item.path.stat().st_size > LARGEST_FILE:
            return b""
        image = read_picture(item.path.read_bytes(), item.file).bgr()
    except (OSError, VedetteError):
        return b""  # `dataset check` says what is wrong with it
    scale = min(1.0, WIDEST_PX / image.shape[1], 2 * WIDEST_PX / image.shape[0])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    done, data = cv2.imencode(".jpg", cv2.resize(image, size, interpolation=cv2.INTER_AREA), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return np.asarray(data).tobytes() if done else b""


def _box(box: Box, name: str) -> str:
    """A dark line below a bright one is seen on any ground."""
    x, y, width, height = box
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect class="halo" {place}/><rect {place} stroke="{colour(name)}"><title>{escape(name)}</title></rect>'


def _region(box: Box) -> str:
    x, y, width, height = box
    return f'<rect class="region" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def colour(name: str) -> str:
    """Bright, and always the same for a class."""
    hue = sha256(name.encode()).digest()[0] / 256
    red, green, blue = hls_to_rgb(hue, 0.6, 0.95)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
