"""Diff: each kind of change is found, counted and told; two sets that hold the same do not differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings

from dataset.diff import compared, diff, iou
from dataset.items import Category, Item, Label
from tests.dataset import made

CAT = Label((10, 10, 20, 20), "cat")


def item(name: str, *labels: Label, **fields: object) -> Item:
    return replace(Item(name, f"{name}.png", 99, 99, labels), **fields)  # type: ignore[arg-type]


def found(a: list[Item], b: list[Item]) -> tuple[dict[str, int], dict[str, int]]:
    difference = diff(a, b, "auto", lambda _: None)
    return dict(difference.images), dict(difference.boxes)


@settings(max_examples=30, deadline=None)
@given(made.sets())
def test_a_set_does_not_differ_from_itself(given_set: tuple[list[Category], list[Item]]) -> None:
    assert diff(given_set[1], reversed(given_set[1]), "auto", lambda _: None).same


@pytest.mark.parametrize(
    ("other", "boxes"),
    [
        (item("a", CAT), {"same": 1}),
        (item("a", replace(CAT, box=(10.001, 10, 20, 20))), {"same": 1}),
        (item("a", CAT, replace(CAT, category="dog")), {"same": 1, "added": 1}),
        (item("a"), {"removed": 1}),
        (item("a", replace(CAT, category="dog")), {"relabelled": 1}),
        (item("a", replace(CAT, box=(12, 12, 20, 20))), {"moved": 1}),
        (item("a", replace(CAT, box=(60, 60, 20, 20))), {"removed": 1, "added": 1}),
        (item("a", replace(CAT, verified=True)), {"changed": 1}),
        (item("a", replace(CAT, attributes={"x": 1})), {"changed": 1}),
    ],
)
def test_each_kind_of_change_of_a_box_has_its_name(other: Item, boxes: dict[str, int]) -> None:
    images, counted = found([item("a", CAT)], [other])
    assert counted == boxes
    assert images == {"same" if set(boxes) == {"same"} else "changed": 1}


def test_pictures_that_come_and_go_are_counted_with_their_boxes() -> None:
    assert found([item("a", CAT), item("b")], [item("b"), item("c", CAT, CAT)]) == (
        {"removed": 1, "added": 1, "same": 1},
        {"removed": 1, "added": 2},
    )


def test_another_picture_under_the_same_name_is_a_change() -> None:
    assert found([item("a", sha256="1" * 64)], [item("a", sha256="2" * 64)])[0] == {"changed": 1}
    assert found([item("a")], [item("a", width=50)])[0] == {"changed": 1}
    assert found([item("a")], [item("a", sha256="2" * 64)])[0] == {"same": 1}


def test_classes_that_come_and_go_are_named() -> None:
    difference = diff([item("a", CAT)], [item("a", replace(CAT, category="dog"))], "auto", lambda _: None)
    assert (difference.classes_added, difference.classes_removed) == (["dog"], ["cat"])
    assert not difference.same
    assert difference.told["changed images"] == ["a.png: 1 relabelled"]


def test_sets_whose_ids_are_strangers_are_matched_by_file() -> None:
    difference = diff([item("a", CAT)], [replace(item("a", CAT), id="7")], "auto", lambda _: None)
    assert (difference.matched_by, difference.same) == ("file", True)


def test_a_crowd_of_boxes_does_not_take_quadratic_time() -> None:
    rows = [("cat", (float(n), 0.0, 1.0, 1.0), "") for n in range(9000)]
    assert compared(rows, rows) == Counter(same=9000)
    assert compared(rows, rows[1:]) == Counter(removed=9000, added=8999)


def test_overlap_is_of_areas() -> None:
    assert iou((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert iou((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert iou((0, 0, 10, 10), (20, 0, 10, 10)) == 0
