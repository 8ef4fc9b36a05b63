"""Pictures in memory as Planes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from contracts.errors import HardwareError
from tests.vision.bundles import png
from vision.planes import BgrPlanes, read_picture
from vision.types import Planes


def picture(height: int = 48, width: int = 64) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_it_is_a_picture_like_the_decoders() -> None:
    planes: Planes = BgrPlanes(picture())
    assert (planes.width, planes.height) == (64, 48)
    assert planes.bgr().tobytes() == picture().tobytes()


def test_rgb_of_the_same_size_is_the_picture_with_its_channels_turned_round() -> None:
    assert (BgrPlanes(picture()).rgb(64, 48) == picture()[..., ::-1]).all()


def test_shrinking_takes_the_mean_of_the_pixels_covered() -> None:
    small = BgrPlanes(picture()).rgb(16, 12)
    means = picture().reshape(12, 4, 16, 4, 3).mean(axis=(1, 3))[..., ::-1]
    assert np.abs(small - means).max() <= 0.5 + 1e-6


def test_growing_is_smooth() -> None:
    edge = np.zeros((4, 4, 3), np.uint8)
    edge[:, 2:] = 200
    row = BgrPlanes(edge).rgb(64, 64)[32, :, 0]
    assert set(np.unique(row)) - {0, 200}


def test_a_size_is_made_once() -> None:
    planes = BgrPlanes(picture())
    assert planes.rgb(20, 10) is planes.rgb(20, 10)
    assert planes.rgb(20, 10).shape == (10, 20, 3)


@pytest.mark.parametrize(("most", "shape"), [(64, (48, 64)), (63, (24, 32)), (32, (24, 32)), (10, (7, 10)), (1, (1, 1))])
def test_luma_is_subsampled_to_the_width_allowed(most: int, shape: tuple[int, int]) -> None:
    luma = BgrPlanes(picture()).luma(most)
    assert luma.shape == shape
    assert luma[0, 0] == cv2.cvtColor(picture(), cv2.COLOR_BGR2GRAY)[0, 0]


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3)])
def test_what_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="height x width x 3"):
        BgrPlanes(np.zeros(shape, np.uint8))


def test_a_png_is_read_as_it_was() -> None:
    assert read_picture(png(picture()), "a.png").bgr().tobytes() == picture().tobytes()


@pytest.mark.parametrize("data", [b"", b"no picture", png(picture())[:40]])
def test_a_file_that_is_no_picture_is_named(data: bytes) -> None:
    with pytest.raises(HardwareError, match=r"golden/a\.png: not a picture"):
        read_picture(data, "golden/a.png")
