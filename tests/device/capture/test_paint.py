"""What is hidden is black in the planes, whatever form they have; the decoder's own memory stays as it was."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from device.capture.paint import painted
from device.capture.planes import AvPlanes, Scaler

CORNER = (((0.0, 0.0), (0.5, 0.0), (0.5, 0.25), (0.0, 0.25)),)
FORMS = ["yuv420p", "yuvj420p", "nv12", "yuv422p", "gray", "yuyv422", "yuv420p10le", "p010le", "bgr24", "gbrp", "yuva420p"]


def noise(form: str = "yuv420p") -> av.VideoFrame:
    pixels = np.random.default_rng(3).integers(60, 255, (180, 320, 3), np.uint8)
    return av.VideoFrame.from_ndarray(pixels, "bgr24").reformat(format=form)


@pytest.mark.parametrize(("form", "turns"), [*((form, 2) for form in FORMS), *(("yuv420p", turns) for turns in (0, 1, 3))])
def test_in_every_form_and_however_it_lies_what_is_hidden_is_black_and_nothing_else(form: str, turns: int) -> None:
    planes = AvPlanes(noise(form), Scaler(), turns, Fraction(1), CORNER)
    height, width = planes.height, planes.width
    whole, small, luma = planes.bgr(), planes.rgb(160, 160), planes.luma(10_000)
    edge = 2  # where colours of what is beside it may show
    assert whole[: height // 4 - edge, : width // 2 - edge].max() <= 16, "limited range has its black at 16"
    assert small[: 160 // 4 - edge, : 160 // 2 - edge].max() <= 16
    assert luma[: height // 4, : width // 2].max() <= 16
    assert whole[height // 4 + 6 :, :].mean() > 120 and whole[:, width // 2 + 6 :].mean() > 120


def test_what_the_decoder_still_needs_is_not_painted() -> None:
    picture = noise()
    other = av.VideoFrame.from_ndarray(picture.to_ndarray(), "yuv420p")
    graph = av.filter.Graph()  # whose buffer holds the picture as a decoder does
    source = graph.add_buffer(template=None, width=320, height=180, format="yuv420p", time_base=Fraction(1, 25))
    sink = graph.add("buffersink")
    source.link_to(sink)
    graph.configure()
    source.push(picture)
    held = sink.pull()
    mine = painted(held, CORNER)
    assert np.frombuffer(mine.planes[0], np.uint8)[0] == 16
    assert np.array_equal(picture.to_ndarray(), other.to_ndarray())
