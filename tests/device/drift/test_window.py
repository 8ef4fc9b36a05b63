"""Windows add up whatever the order, survive being written down, and count what they are given."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.drift import SCORES, SIZES, VALUES, DriftWindow
from device.drift.looks import Look
from device.drift.picture import Described, describe
from device.drift.window import Window
from tests.device.drift.street import LABELS, MODEL, STREET, Box, found
from vision.planes import BgrPlanes

AREA = 1920 * 1080
SIDES = st.floats(0.5, 1919, width=32)
BOXES = st.tuples(SIDES, SIDES, SIDES, SIDES, st.floats(0, 1, width=32), st.integers(0, 1))
LOOKS = st.lists(st.tuples(st.lists(BOXES, max_size=30), st.sampled_from(["ok", "timeout", "error"])), max_size=12)
SEEN = st.lists(st.tuples(st.floats(-1, 1), st.integers(0, 15), st.integers(0, 15)), max_size=6)


def looks_of(rows: list[tuple[list[Box], str]]) -> list[Look]:
    answers = [found(boxes if status == "ok" else [], status) for boxes, status in rows]  # type: ignore[arg-type]
    return [Look("yard", MODEL, LABELS, answer, AREA, 0) for answer in answers]


def window(rows: list[tuple[list[Box], str]], seen: list[tuple[float, int, int]] = ()) -> Window:  # type: ignore[assignment]
    made = Window()
    made.add(looks_of(rows))
    for value, brightness, sharpness in seen:
        made.pictures.add(Described(np.full(VALUES, value), brightness, sharpness))
    return made


def told(made: Window) -> DriftWindow:
    return made.told("yard", MODEL)


def same(a: DriftWindow, b: DriftWindow) -> bool:
    """But for the last digit of means, which are rounded."""
    assert a.model_copy(update={"pictures": None}) == b.model_copy(update={"pictures": None})
    if a.pictures is None or b.pictures is None:
        return a.pictures is b.pictures
    for name in ("count", "brightness", "sharpness"):
        assert getattr(a.pictures, name) == getattr(b.pictures, name)
    return np.allclose(a.pictures.mean, b.pictures.mean, atol=3e-6) and np.allclose(a.pictures.variance, b.pictures.variance, atol=3e-6)


@settings(max_examples=30, deadline=None)
@given(LOOKS, LOOKS, LOOKS, SEEN, SEEN)
def test_windows_add_up_in_any_order_to_the_window_of_everything(a, b, c, first, second) -> None:  # type: ignore[no-untyped-def]
    whole = window([*a, *b, *c], [*first, *second])
    one, other = window(c, second), window(a, first)
    one.merge(window(b))
    one.merge(other)
    left = window(a, first)
    left.merge(window(b))
    left.merge(window(c, second))
    assert same(told(whole), told(one))
    assert same(told(left), told(one))


@settings(max_examples=60, deadline=None)
@given(LOOKS, SEEN)
def test_what_is_written_down_is_the_same_window(rows, seen) -> None:  # type: ignore[no-untyped-def]
    written = told(window(rows, seen))
    read = DriftWindow.model_validate_json(written.model_dump_json())
    assert read == written
    assert same(told(Window.of(read)), written)
    more = Window.of(read)
    more.merge(window([([(0, 0, 9, 9, 0.5, 0)], "ok")]))
    assert more.told("yard", MODEL).frames == written.frames + 1


@settings(max_examples=60, deadline=None)
@given(LOOKS)
def test_every_box_and_every_answered_picture_is_counted_once(rows) -> None:  # type: ignore[no-untyped-def]
    written, answered = told(window(rows)), [boxes for boxes, status in rows if status == "ok"]
    assert written.frames == len(rows)
    assert written.answered == len(answered) == sum(written.counts)
    for class_id, label in enumerate(LABELS):
        wanted = sum(box[5] == class_id for boxes in answered for box in boxes)
        assert (label in written.classes) == (wanted > 0)
        if wanted:
            of = written.classes[label]
            assert sum(of.scores) == sum(of.sizes) == wanted
            assert of.counts[0] == sum(all(box[5] != class_id for box in boxes) for boxes in answered)


def test_bins_are_where_they_are_said_to_be() -> None:
    boxes = [(0.0, 0.0, 1920.0, 1080.0, 1.0, 0), (0.0, 0.0, 30.0, 16.875, 0.0, 0), (0.0, 0.0, 960.0, 540.0, 0.5, 0)]
    of = told(window([(boxes, "ok")])).classes["person"]
    assert [n for n, count in enumerate(of.scores) if count] == [0, SCORES // 2, SCORES - 1]
    assert [n for n, count in enumerate(of.sizes) if count] == [0, SIZES - 2, SIZES - 1]
    for number, bin_ in ((0, 0), (4, 4), (5, 5), (6, 5), (9, 6), (24, 8), (300, 9)):
        assert told(window([(boxes[:1] * number, "ok")])).counts[bin_] == 1


def test_of_many_classes_those_with_the_most_boxes_are_told_and_the_rest_is_counted() -> None:
    labels = tuple(f"class-{n}" for n in range(40))
    made = Window()
    rows = [(0.0, 0.0, 9.0, 9.0, 0.5, n) for n in range(40) for _ in range(n + 1)]
    made.add([Look("yard", MODEL, labels, found(rows), AREA, 0)])
    written = told(made)
    assert set(written.classes) == {f"class-{n}" for n in range(28, 40)}
    assert written.left_out == sum(range(1, 29))


def test_a_dark_and_a_blurred_picture_are_described_so() -> None:
    plain, dark = describe(BgrPlanes(STREET)), describe(BgrPlanes((STREET // 4).astype(np.uint8)))
    assert plain.brightness == 7
    assert dark.brightness == 1
    assert dark.sharpness < plain.sharpness
    assert np.abs(plain.values - describe(BgrPlanes(STREET.copy())).values).max() == 0
    assert np.abs(plain.values - dark.values).max() > 0.2
    assert describe(BgrPlanes(np.zeros((36, 64, 3), np.uint8))).sharpness == 0
