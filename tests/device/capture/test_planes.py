"""AvPlanes: every pixel format gives the same picture, small ones come from a proper filter, each is made once."""

from __future__ import annotations

import threading
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from device.capture.planes import AvPlanes, Scaler

PLANAR = ["yuv420p", "yuvj420p", "nv12", "gray", "yuv420p10le", "yuv444p", "gray10le"]
PACKED = ["yuyv422", "uyvy422", "rgb24", "bgr24", "rgba", "pal8"]


def scene() -> np.ndarray:
    image = np.zeros((120, 160, 3), np.uint8)
    image[:, 80:] = 200
    image[60:, :80] = 90
    return image


def planes(pixels: str, **options: object) -> AvPlanes:
    frame = av.VideoFrame.from_ndarray(scene(), "bgr24")
    if pixels == "pal8":
        palette = np.zeros((256, 4), np.uint8)
        palette[:, 0] = 255
        palette[:, 1:] = np.arange(256)[:, None]
        picture = av.VideoFrame.from_ndarray((scene()[:, :, 0], palette), "pal8")
    else:
        picture = frame.reformat(format=pixels)
    return AvPlanes(picture, Scaler(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("pixels", PLANAR + PACKED)
def test_every_pixel_format_gives_the_same_pictures(pixels: str) -> None:
    picture = planes(pixels)
    assert picture.bgr().shape == (120, 160, 3)
    assert np.abs(picture.bgr().astype(int) - scene()).mean() < 4
    small = picture.rgb(80, 60)
    assert small.shape == (60, 80, 3) and small.flags.c_contiguous
    assert np.abs(small.astype(int) - scene()[::2, ::2]).mean() < 6
    luma = picture.luma(40)
    assert luma.shape == (30, 40) and luma.dtype == np.uint8
    low, middle, high = int(luma[5, 5]), int(luma[25, 5]), int(luma[5, 35])
    assert low < 20 and 70 < middle < 110 and 180 < high < 210


def test_the_luma_view_copies_nothing() -> None:
    picture = planes("yuv420p")
    luma = picture.luma(40)
    assert luma.base is not None and not luma.flags.owndata
    assert picture.luma(40) is luma


@pytest.mark.parametrize(("width", "height", "lines"), [(160, 120, 601), (1280, 720, 709)])
def test_colours_follow_the_matrix_of_the_pictures_size(width: int, height: int, lines: int) -> None:
    red = av.VideoFrame(width, height, "yuv420p")
    y, u, v = {601: (81, 90, 240), 709: (63, 102, 240)}[lines]  # pure red in each
    for plane, value in zip(red.planes, (y, u, v), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    picture = AvPlanes(red, Scaler()).rgb(64, 64)
    assert np.abs(picture[32, 32].astype(int) - [255, 0, 0]).max() < 8


def test_small_pictures_are_averages_and_not_single_pixels() -> None:
    stripes = np.zeros((360, 640, 3), np.uint8)
    stripes[:, ::2] = 255
    picture = AvPlanes(av.VideoFrame.from_ndarray(stripes, "rgb24"), Scaler()).rgb(160, 90)
    assert np.abs(picture.astype(int) - 127).max() < 12


def test_area_scaling_from_yuv_is_close_to_that_of_the_full_picture() -> None:
    chance = np.random.default_rng(1)
    noise = cv2.GaussianBlur(chance.integers(0, 255, (720, 1280, 3), np.uint8), (0, 0), 4)
    picture = AvPlanes(av.VideoFrame.from_ndarray(noise, "bgr24").reformat(format="yuv420p"), Scaler())
    reference = cv2.resize(picture.bgr(), (640, 360), interpolation=cv2.INTER_AREA)[:, :, ::-1]
    difference = np.abs(picture.rgb(640, 360).astype(int) - reference)
    assert np.percentile(difference, 99) <= 6  # bilinear without a filter: over 40


def test_each_picture_is_made_once_even_by_many_threads() -> None:
    picture = planes("yuv420p")
    made: list[int] = []
    threads = [threading.Thread(target=lambda: made.append(id(picture.rgb(64, 48)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1
    assert picture.bgr() is picture.bgr()


def test_pictures_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        planes("yuv420p").bgr()[0, 0] = 1


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_picture_on_its_side_is_put_upright(turns: int) -> None:
    picture = planes("yuv444p", turns=turns)
    upright = np.rot90(scene(), -turns)
    assert (picture.height, picture.width) == upright.shape[:2]
    assert np.abs(picture.bgr().astype(int) - upright).mean() < 4
    assert np.abs(picture.rgb(picture.width // 2, picture.height // 2).astype(int) - upright[::2, ::2]).mean() < 6
    assert picture.luma(picture.width).shape == upright.shape[:2]


def test_samples_that_are_not_square_widen_the_picture() -> None:
    picture = planes("yuv420p", aspect=Fraction(4, 3))
    assert (picture.width, picture.height) == (213, 120)
    assert picture.bgr().shape == (120, 213, 3)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "nv12", "yuv422p"])
@pytest.mark.parametrize("matrix", [1, 2, 5])  # BT.709, not said, BT.601
@pytest.mark.parametrize("levels", [1, 2])  # of television, full
def test_a_picture_made_small_first_has_the_colours_of_the_large_one(pixels: str, matrix: int, levels: int) -> None:
    tiles = np.random.default_rng(3).integers(0, 255, (9, 16, 3), np.uint8)
    picture = av.VideoFrame.from_ndarray(np.kron(tiles, np.ones((80, 80, 1), np.uint8)), "rgb24").reformat(format=pixels)
    picture.colorspace, picture.color_range = matrix, levels
    large = AvPlanes(picture, Scaler()).bgr()[:, :, ::-1]
    small = AvPlanes(picture, Scaler()).rgb(320, 180)
    assert np.abs(small[10::20, 10::20].astype(int) - large[40::80, 40::80]).max() <= 3
