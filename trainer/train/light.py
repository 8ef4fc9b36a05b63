"""Light and camera: another hour, another white balance, a worse lens, sensor and encoder."""

from __future__ import annotations

import cv2
import numpy as np

from trainer.train.config import Augment
from trainer.train.example import Image


def light(image: Image, options: Augment, random: np.random.Generator) -> Image:
    """RGB in, RGB out. As many random numbers are drawn whatever the options are, so that one option changes only itself."""
    gamma, contrast, brightness, saturation, hue = (
        float(np.exp(random.normal(0, 1) * options.gamma)),
        float(random.uniform(-1, 1) * options.contrast) + 1,
        float(random.normal(0, 1) * options.brightness),
        float(random.uniform(-1, 1) * options.saturation) + 1,
        float(random.uniform(-1, 1) * options.hue),
    )
    levels = np.arange(256, dtype=np.float64) / 255
    table = np.clip((levels**gamma - 0.5) * contrast + 0.5 + brightness, 0, 1) * 255
    image = np.asarray(cv2.LUT(image, table.astype(np.uint8)), np.uint8) if (gamma, contrast, brightness) != (1, 1, 0) else image
    if saturation == 1 and hue == 0:
        return image
    return _coloured(image, saturation, np.deg2rad(hue))


def _coloured(image: Image, saturation: float, turn: float) -> Image:
    """Saturation and hue as one matrix (the luma axis stays), which is a tenth of the cost of going through HSV."""
    to = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])  # YIQ
    cosine, sine = saturation * np.cos(turn), saturation * np.sin(turn)
    middle = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    return np.asarray(cv2.transform(image, np.linalg.inv(to) @ middle @ to), np.uint8)


def camera(image: Image, options: Augment, random: np.random.Generator) -> Image:
    blur, noise, jpeg = random.random(3) < (options.blur, options.noise, options.jpeg)
    if blur:
        kernel = int(random.choice([3, 5]))
        image = np.asarray(cv2.GaussianBlur(image, (kernel, kernel), 0), np.uint8)
    if noise:
        grain = random.normal(0, float(random.uniform(2, 12)), image.shape).astype(np.float32)
        image = np.clip(image + grain, 0, 255).astype(np.uint8)
    if jpeg:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(25, 90))])
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return image
