"""Templates: what is on the screen is found where it is, in any light; what is not there is not found."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigError
from vision.likeness import likeness, pattern
from vision.planes import BgrPlanes
from vision.templates import TemplateOptions, Templates
from vision.types import Detections, Image

WIDTH, HEIGHT = 1280, 720


def ground(seed: int = 0) -> Image:
    """Soft coloured shapes, as a game's world is out of focus."""
    blobs = np.random.default_rng(seed).integers(0, 255, (18, 32, 3), np.uint8)
    return np.asarray(cv2.resize(blobs, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def badge(color: tuple[int, int, int] = (255, 255, 255)) -> Image:
    """A drawing of 60x40 with nothing around it."""
    picture = np.zeros((40, 60, 4), np.uint8)
    cv2.circle(picture, (30, 20), 16, (*color, 255), -1)
    cv2.rectangle(picture, (10, 18), (50, 22), (40, 40, 40, 255), -1)
    return picture


def put(frame: Image, what: Image, x: int, y: int, opacity: float = 1.0) -> None:
    height, width = what.shape[:2]
    part = frame[y : y + height, x : x + width]
    alpha = opacity * what[..., 3:] / 255 if what.shape[2] == 4 else opacity
    part[:] = (part * (1 - alpha) + what[..., :3] * alpha).round().astype(np.uint8)


def png(picture: Image) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def templates(files: dict[str, Image], width: int = 640, **options: dict[str, Any]) -> Templates:
    data = {name: png(picture) for name, picture in files.items()}
    parsed = {name: TemplateOptions.model_validate(each) for name, each in options.items()}
    return Templates(parsed, data.__getitem__, width=width, screen=(WIDTH, HEIGHT))


def corners(found: Detections) -> list[tuple[int, int]]:
    return sorted((round(x), round(y)) for x, y, *_ in found.xyxy.tolist())


def test_each_of_several_is_found_where_it_is_and_once() -> None:
    frame = ground()
    places = [(300, 500), (900, 100), (900, 160)]
    for x, y in places:
        put(frame, badge(), x, y)
    found = templates({"b": badge()}, badge={"pictures": ["b"], "most": 8}).find(BgrPlanes(frame))
    assert corners(found) == places
    assert found.confidence.min() > 0.95 and found.class_id.tolist() == [0, 0, 0]
    assert (found.xyxy[:, 2:] - found.xyxy[:, :2]).tolist() == [[60, 40]] * 3


@pytest.mark.parametrize(("gain", "offset"), [(0.35, 0), (0.5, 100), (1.0, 20)])
def test_darker_or_paler_it_is_still_found(gain: float, offset: float) -> None:
    frame = ground()
    put(frame, badge(), 700, 300)
    shown = (frame * gain + offset).clip(0, 255).astype(np.uint8)
    assert corners(templates({"b": badge()}, badge={"pictures": ["b"]}).find(BgrPlanes(shown))) == [(700, 300)]


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (854, 480), (640, 360)])
def test_a_video_of_another_size_shows_it_too_and_boxes_are_in_its_pixels(width: int, height: int) -> None:
    frame = ground()
    put(frame, badge(), 700, 300)
    shown = np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    found = templates({"b": badge()}, badge={"pictures": ["b"]}).find(BgrPlanes(shown))
    expected = np.array([700, 300, 760, 340]) * width / WIDTH
    assert len(found) == 1 and np.abs(found.xyxy[0] - expected).max() <= 2 * width / WIDTH + 1


def test_nothing_is_found_in_noise_or_where_it_is_flat() -> None:
    wanted = templates({"b": badge()}, badge={"pictures": ["b"], "most": 8})
    rng = np.random.default_rng(1)
    flat = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    noisy = (flat + rng.normal(0, 3, flat.shape)).clip(0, 255).astype(np.uint8)
    for frame in (flat, noisy, ground(1), ground(2), rng.integers(0, 255, flat.shape, np.uint8)):
        assert len(wanted.find(BgrPlanes(frame))) == 0


def test_a_find_outside_the_region_does_not_count() -> None:
    frame = ground()
    put(frame, badge(), 100, 100)
    put(frame, badge(), 1000, 100)
    found = templates({"b": badge()}, badge={"pictures": ["b"], "most": 8, "region": [0.5, 0, 1, 0.5]}).find(BgrPlanes(frame))
    assert corners(found) == [(1000, 100)]


def test_other_sizes_are_found_where_they_are_asked_for() -> None:
    frame = ground()
    put(frame, np.asarray(cv2.resize(badge(), (90, 60), interpolation=cv2.INTER_AREA), np.uint8), 700, 300)
    assert len(templates({"b": badge()}, badge={"pictures": ["b"], "threshold": 0.95}).find(BgrPlanes(frame))) == 0
    found = templates({"b": badge()}, badge={"pictures": ["b"], "threshold": 0.95, "scales": [1, 1.5]}).find(BgrPlanes(frame))
    assert len(found) == 1 and np.abs(found.xyxy[0] - [700, 300, 790, 360]).max() <= 2


def test_two_pictures_of_one_name_give_one_find() -> None:
    frame = ground()
    put(frame, badge(), 700, 300)
    found = templates({"a": badge(), "b": badge((250, 250, 250))}, badge={"pictures": ["a", "b"], "most": 4}).find(BgrPlanes(frame))
    assert corners(found) == [(700, 300)]


def test_colour_counts_where_it_is_asked_for() -> None:
    red, green = badge((40, 40, 230)), badge((40, 230, 40))
    frame = ground()
    put(frame, red, 200, 300)
    put(frame, green, 800, 300)
    both = templates({"r": red}, any={"pictures": ["r"], "most": 4, "threshold": 0.6})
    one = templates({"r": red}, red={"pictures": ["r"], "most": 4, "channels": "color"})
    assert len(both.find(BgrPlanes(frame))) == 2
    assert corners(one.find(BgrPlanes(frame))) == [(200, 300)]


def test_the_box_grows_by_the_finds_own_size_and_ends_at_the_edge() -> None:
    frame = ground()
    put(frame, badge(), 1200, 300)
    found = templates({"b": badge()}, badge={"pictures": ["b"], "grow": [2, 0.5, 3, 0.5]}).find(BgrPlanes(frame))
    assert found.xyxy.tolist() == [[1080, 280, 1280, 360]]


def screen(word: str, tint: tuple[int, int, int]) -> Image:
    picture = (ground(5) // 6 + np.array(tint, np.uint8)).astype(np.uint8)
    cv2.rectangle(picture, (300, 200), (980, 330), tint, -1)
    cv2.putText(picture, word, (360, 290), cv2.FONT_HERSHEY_DUPLEX, 2.5, (255, 255, 255), 5)
    return picture


def test_a_screen_is_known_as_a_whole_and_told_from_others() -> None:
    lost, won = screen("LOST", (20, 20, 150)), screen("WON", (20, 150, 20))
    options = {"look": "screen", "channels": "color", "threshold": 0.9}
    both = templates({"l": lost, "w": won}, lost={"pictures": ["l"], **options}, won={"pictures": ["w"], **options})
    noisy = (lost * 0.8 + np.random.default_rng(3).normal(0, 8, lost.shape)).clip(0, 255).astype(np.uint8)
    for shown, label in ((lost, "lost"), (won, "won"), (noisy, "lost")):
        found = both.find(BgrPlanes(shown))
        assert [both.labels[number] for number in found.class_id] == [label]
        assert found.xyxy.tolist() == [[0, 0, WIDTH, HEIGHT]]
    assert len(both.find(BgrPlanes(ground()))) == 0


def test_what_is_transparent_in_a_screen_does_not_count() -> None:
    picture = np.dstack([screen("LOST", (20, 20, 150)), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    picture[400:, :, 3] = 0
    shown = screen("LOST", (20, 20, 150))
    shown[400:] = ground(9)[400:]
    for threshold, count in ((0.97, 1), (0.999, 1)):
        wanted = templates({"l": picture}, lost={"pictures": ["l"], "look": "screen", "channels": "color", "threshold": threshold})
        assert len(wanted.find(BgrPlanes(shown))) == count


def test_the_same_picture_gives_the_same_answer_and_other_files_another_digest() -> None:
    frame = ground()
    put(frame, badge(), 700, 300)
    one = templates({"b": badge()}, badge={"pictures": ["b"], "most": 4})
    first, second = one.find(BgrPlanes(frame)), one.find(BgrPlanes(frame.copy()))
    assert first.xyxy.tobytes() == second.xyxy.tobytes() and first.confidence.tobytes() == second.confidence.tobytes()
    assert one.digest == templates({"b": badge()}, badge={"pictures": ["b"]}).digest
    assert one.digest != templates({"b": badge((0, 0, 9))}, badge={"pictures": ["b"]}).digest


NOISE = png(np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8))


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (b"", {}, "x: p: is no PNG or JPEG that can be read"),
        (b"GIF89a" + b"\0" * 100, {}, "is no PNG or JPEG that can be read"),
        (NOISE[:60], {}, "is no PNG or JPEG that can be read"),
        (NOISE[:16] + b"\x7f\xff\xff\xff" * 2 + NOISE[24:], {}, "is larger than any screenshot"),
        (b"\0" * ((16 << 20) + 1), {}, "is larger than any screenshot"),
        (png(np.full((50, 50, 3), 7, np.uint8)), {}, "is of one colour"),
        (png(np.dstack([ground()[:50, :50], np.zeros((50, 50), np.uint8)])), {}, "is of one colour"),
        (png(ground()[:8, :8]), {}, "is 4x4 pixels where frames are compared; cut out more of it"),
        (NOISE, {"region": [0, 0, 0.1, 0.1]}, "is 150x100 pixels where frames are compared, and its region 64x36"),
    ],
)
def test_a_picture_that_cannot_be_looked_for_is_named_with_what_to_do(data: bytes, options: dict[str, Any], message: str) -> None:
    parsed = {"x": TemplateOptions.model_validate({"pictures": ["p"], **options})}
    with pytest.raises(ConfigError, match=message) as caught:
        Templates(parsed, lambda _: data, width=640, screen=(WIDTH, HEIGHT))
    assert str(caught.value).startswith("template x: p: ")


@pytest.mark.parametrize("picture", [ground()[:60, :60, 0], (ground()[:60, :60].astype(np.uint16) * 257)])
def test_pictures_without_colour_and_of_sixteen_bits_are_read_too(picture: Any) -> None:
    frame = ground(4)
    frame[100:160, 100:160] = picture[..., None] if picture.ndim == 2 else picture // 257
    assert corners(templates({"p": picture}, x={"pictures": ["p"]}).find(BgrPlanes(frame))) == [(100, 100)]


@pytest.mark.parametrize("region", [[0.5, 0, 0.5, 1], [0.6, 0, 0.5, 1], [0, 0, 1.1, 1], [-0.1, 0, 1, 1]])
def test_a_region_that_is_none_is_refused(region: list[float]) -> None:
    with pytest.raises(ValueError, match="left before right"):
        TemplateOptions.model_validate({"pictures": ["p"], "region": region})


SIDES = st.integers(3, 9)


@given(seed=st.integers(0, 99), masked=st.booleans(), channels=st.sampled_from([1, 3]), size=st.tuples(SIDES, SIDES))
def test_likeness_is_the_correlation_as_the_books_have_it(seed: int, masked: bool, channels: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (14, 15, channels)).astype(np.float32)
    small = rng.integers(0, 256, (*size, channels)).astype(np.float32)
    alpha = rng.random(size).astype(np.float32) if masked else None
    wanted = pattern(small, alpha)
    assert wanted is not None
    weigh = np.broadcast_to((np.ones(size) if alpha is None else alpha)[..., None], small.shape).astype(np.float64).ravel()
    answer = likeness(picture, wanted, 0.0)
    assert answer.shape == (14 - size[0] + 1, 15 - size[1] + 1)
    for row, column in ((0, 0), (answer.shape[0] - 1, answer.shape[1] - 1)):
        part = picture[row : row + size[0], column : column + size[1]].astype(np.float64).ravel()
        a = part - np.average(part, weights=weigh)
        b = small.ravel() - np.average(small.ravel(), weights=weigh)
        expected = (weigh * a * b).sum() / np.sqrt((weigh * a * a).sum() * (weigh * b * b).sum())
        assert answer[row, column] == pytest.approx(expected, abs=1e-3)
