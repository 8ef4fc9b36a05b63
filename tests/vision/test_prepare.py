"""Tensors, against a letterbox written out in plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.bundle import Input
from contracts.errors import ConfigError
from vision.planes import BgrPlanes
from vision.prepare import Prepare
from vision.types import Image


def spec(**changes: Any) -> Input:
    return Input.model_validate({"name": "image", "size": (64, 64), **changes})


def picture(width: int, height: int, seed: int = 3) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def coverage(src: int, new: int) -> NDArray[np.float64]:
    """Of each new pixel, the share each source pixel has in it."""
    weights = np.zeros((new, src))
    step = src / new
    for i in range(new):
        for j in range(src):
            weights[i, j] = max(0.0, min((i + 1) * step, j + 1) - max(i * step, j)) / step
    return weights


def reference(image: Image, height: int, width: int, pad: int) -> NDArray[np.float64]:
    """The letterbox by definition: RGB, area means without rounding, on a ground of `pad`, HWC."""
    src_h, src_w = image.shape[:2]
    scale = min(width / src_w, height / src_h)
    new_w, new_h = round(src_w * scale), round(src_h * scale)
    rows, columns = coverage(src_h, new_h), coverage(src_w, new_w)
    small = np.stack([rows @ image[..., 2 - channel].astype(float) @ columns.T for channel in range(3)], axis=-1)
    ground = np.full((height, width, 3), float(pad))
    top, left = (height - new_h) // 2, (width - new_w) // 2
    ground[top : top + new_h, left : left + new_w] = small
    return ground


SIZES = [(320, 180), (128, 256), (64, 64), (97, 201), (640, 360)]
LARGEST_DIFFERENCE = 0.51  # of 255: rounding to whole bytes, and nothing else


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_tensor_differs_from_the_reference_letterbox_by_rounding_only(width: int, height: int) -> None:
    image = picture(width, height)
    tensor, fit = Prepare(spec())(BgrPlanes(image))
    assert tensor.shape == (1, 64, 64, 3) and tensor.dtype == np.uint8 and tensor.flags.c_contiguous
    assert np.abs(tensor[0] - reference(image, 64, 64, 114)).max() <= LARGEST_DIFFERENCE
    assert (fit.src_width, fit.src_height, fit.width, fit.height) == (width, height, 64, 64)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
@pytest.mark.parametrize("color", ["rgb", "bgr"])
def test_float_inputs_are_normalised_channel_by_channel(dtype: str, layout: str, color: str) -> None:
    mean, std = (123.7, 116.3, 103.5), (58.4, 57.1, 57.4)
    image = picture(160, 100)
    tensor, _ = Prepare(spec(dtype=dtype, layout=layout, color=color, mean=mean, std=std))(BgrPlanes(image))
    raw, _ = Prepare(spec())(BgrPlanes(image))
    ordered = raw[0].astype(float)[..., ::-1] if color == "bgr" else raw[0].astype(float)
    expected = (ordered - mean) / std
    if layout == "nchw":
        expected = expected.transpose(2, 0, 1)
    assert tensor.dtype == dtype and tensor.flags.c_contiguous
    assert np.array_equal(tensor[0], expected.astype(np.float32).astype(dtype))


def test_bytes_are_given_in_the_order_asked_for() -> None:
    image = picture(64, 64)
    tensor, _ = Prepare(spec(layout="nchw", color="bgr"))(BgrPlanes(image))
    assert tensor.shape == (1, 3, 64, 64) and tensor.flags.c_contiguous
    assert np.array_equal(tensor[0], image.transpose(2, 0, 1))


def test_stretching_fills_the_input() -> None:
    image = picture(128, 192)
    tensor, fit = Prepare(spec(fit="stretch", pad=0))(BgrPlanes(image))
    means = image.reshape(64, 3, 64, 2, 3).mean(axis=(1, 3))[..., ::-1]
    assert (fit.new_width, fit.new_height) == (64, 64)
    assert np.abs(tensor[0] - means).max() <= LARGEST_DIFFERENCE


def test_where_the_bundle_allows_it_the_input_has_the_pictures_shape() -> None:
    prepare = Prepare(spec(size=(640, 640), multiple=32))
    assert prepare.shape(1920, 1080) == (384, 640)
    tensor, fit = prepare(BgrPlanes(picture(192, 108)))
    assert tensor.shape == (1, 384, 640, 3)
    assert (fit.left, fit.top) == (0, 12)
    assert (tensor[0, :12] == 114).all() and (tensor[0, 372:] == 114).all()


def test_another_size_is_taken_only_where_the_bundle_allows_it() -> None:
    assert Prepare(spec(multiple=32), size=(128, 128)).shape(100, 100) == (128, 128)
    assert Prepare(spec(), size=(64, 64)).shape(100, 50) == (64, 64)
    with pytest.raises(ConfigError, match="takes 64x64 only, not 96x128"):
        Prepare(spec(), size=(128, 96))


def test_the_decoder_is_asked_for_the_small_picture_and_no_more() -> None:
    class Asked(BgrPlanes):
        sizes: list[tuple[int, int]] = []  # noqa: RUF012  # one instance only

        def rgb(self, width: int, height: int) -> Image:
            self.sizes.append((width, height))
            return super().rgb(width, height)

        def bgr(self) -> Image:
            raise AssertionError("the whole picture was asked for")

    Prepare(spec())(Asked(picture(320, 180)))
    assert Asked.sizes == [(64, 36)]
