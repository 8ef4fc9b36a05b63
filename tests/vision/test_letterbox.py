"""The letterbox is geometry: it must be undone exactly, for every size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.letterbox import fit_picture, picture_shape

side = st.integers(1, 8192)
inner = st.integers(1, 1280)
kinds = st.sampled_from(["letterbox", "stretch"])


@given(st.tuples(side, side, inner, inner), kinds, st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=5))
def test_boxes_come_back_to_where_they_were(sizes: tuple[int, int, int, int], kind: str, shares: list[tuple[float, ...]]) -> None:
    src_w, src_h = sizes[:2]
    fit = fit_picture(*sizes, fit=kind)  # type: ignore[arg-type]  # sampled_from widens the literal
    boxes = np.array(shares) * [src_w, src_h, src_w, src_h]
    assert np.abs(fit.back(fit.forward(boxes)) - boxes).max() <= 1e-3


@given(side, side, inner, inner)
def test_the_drawn_picture_lies_inside_the_input_and_touches_two_of_its_sides(src_w: int, src_h: int, h: int, w: int) -> None:
    fit = fit_picture(src_w, src_h, h, w)
    assert fit.left >= 0 and fit.left + fit.new_width <= w
    assert fit.top >= 0 and fit.top + fit.new_height <= h
    assert fit.new_width == w or fit.new_height == h
    assert abs((w - fit.new_width) - 2 * fit.left) <= 1 and abs((h - fit.new_height) - 2 * fit.top) <= 1


@given(side, side, inner, inner)
def test_the_aspect_is_kept_to_half_a_pixel(src_w: int, src_h: int, h: int, w: int) -> None:
    fit = fit_picture(src_w, src_h, h, w)
    scale = min(w / src_w, h / src_h)
    assert abs(fit.new_width - src_w * scale) <= 0.5 or fit.new_width == 1
    assert abs(fit.new_height - src_h * scale) <= 0.5 or fit.new_height == 1


def test_a_full_hd_picture_in_a_square_has_bars_above_and_below() -> None:
    fit = fit_picture(1920, 1080, 640, 640)
    assert (fit.new_width, fit.new_height, fit.left, fit.top) == (640, 360, 0, 140)
    assert fit.back(np.array([[0, 140, 640, 500]])).tolist() == [[0, 0, 1920, 1080]]


def test_the_corners_of_the_drawn_picture_are_the_corners_of_the_source() -> None:
    fit = fit_picture(853, 481, 640, 640)
    drawn = [fit.left, fit.top, fit.left + fit.new_width, fit.top + fit.new_height]
    assert fit.back(np.array([drawn]))[0].tolist() == [0, 0, 853, 481]


def test_clipping_cuts_at_the_edges_of_the_picture() -> None:
    fit = fit_picture(100, 50, 32, 32)
    boxes = np.array([[-5, -5, 200, 20], [10, 10, 20, 20]], np.float32)
    assert fit.clip(boxes).tolist() == [[0, 0, 100, 20], [10, 10, 20, 20]]


@given(side, side, inner, inner, st.sampled_from([1, 8, 16, 32, 64]))
def test_the_pictures_own_shape_draws_it_as_large_with_less_around_it(src_w: int, src_h: int, h: int, w: int, multiple: int) -> None:
    height, width = picture_shape(src_w, src_h, (h, w), multiple)
    padded = fit_picture(src_w, src_h, h, w)
    whole_pixels = min(padded.new_width, padded.new_height)
    least = min(w / src_w, h / src_h) * whole_pixels / (whole_pixels + 0.5)  # a side rounded down may shrink the other with it
    assert height % multiple == width % multiple == 0
    assert height - padded.new_height < multiple and width - padded.new_width < multiple
    assert min(width / src_w, height / src_h) >= least * (1 - 1e-9)


@pytest.mark.parametrize(
    ("picture", "size", "shape"),
    [
        ((1920, 1080), (640, 640), (384, 640)),
        ((1080, 1920), (640, 640), (640, 384)),
        ((768, 576), (640, 640), (480, 640)),
        ((640, 640), (640, 640), (640, 640)),
        ((4000, 10), (640, 640), (32, 640)),
    ],
)
def test_known_pictures_get_known_shapes(picture: tuple[int, int], size: tuple[int, int], shape: tuple[int, int]) -> None:
    assert picture_shape(*picture, size, 32) == shape


def test_a_picture_without_a_side_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 pixel"):
        fit_picture(0, 10, 32, 32)
