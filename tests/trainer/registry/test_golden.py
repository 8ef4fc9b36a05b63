"""Which pictures a bundle carries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("sqlalchemy")

from contracts.errors import ConfigError
from dataset.items import Category, Item, Label, Origin
from trainer.judge.ground import Found, boxes_of
from trainer.judge.loading import ground_of
from trainer.registry.golden import MOST_BYTES, choose_golden, sample
from trainer.registry.lesson import Lesson, read_lesson

CLASSES = ("person", "car")
FLOORS = {"person": 0.5, "car": 0.5}
BOXES = {"person": (10.0, 10.0, 20.0, 40.0), "car": (60.0, 20.0, 30.0, 20.0)}
Said = tuple[str, float]  # class, confidence, where that class stands


def item(folder: Path, name: str, labels: Sequence[str] = (), device: str = "yard-1", exhaustive: bool = True, size: int = 10) -> Item:
    path = folder / f"{name}.png"
    path.write_bytes(b"x" * size)
    there = tuple(Label(BOXES[kind], kind, verified=True) for kind in labels)
    known = CLASSES if exhaustive else ("person",)
    return Item(name, path.name, 100, 80, there, path, "val", exhaustive_for=known, origin=Origin(device=device, session="s"))


def lesson(items: Sequence[Item]) -> Lesson:
    ground, chosen = ground_of(items, [Category(name, number) for number, name in enumerate(CLASSES, 1)])
    return Lesson(tuple(chosen), ground, {})


def found(said: Sequence[Said]) -> Found:
    boxes = boxes_of([BOXES[kind] for kind, _ in said])
    return Found(boxes, np.array([sure for _, sure in said], np.float64), np.array([CLASSES.index(kind) for kind, _ in said], np.int64))


def chosen(items: Sequence[Item], said: dict[str, Sequence[Said]], most: int = 8) -> list[tuple[str, str]]:
    answers = {each.id: found(said.get(each.id, ())) for each in items}
    return [(each.item.id, each.why) for each in choose_golden(lesson(items), answers, FLOORS, most)]


def test_sure_hard_empty_and_one_of_each_class(tmp_path: Path) -> None:
    items = [
        item(tmp_path, "sure", ["person"]), item(tmp_path, "hard", ["person"]), item(tmp_path, "nothing"), item(tmp_path, "car", ["car"]),
        item(tmp_path, "wrong", ["person"]), item(tmp_path, "more", ["person", "car"]),
    ]  # fmt: skip
    said = {
        "sure": [("person", 0.99)], "hard": [("person", 0.6)], "nothing": [("person", 0.1)], "car": [("car", 0.8)],
        "wrong": [("car", 0.99)], "more": [("person", 0.9), ("car", 0.9)],
    }  # fmt: skip
    assert chosen(items, said, most=5) == [
        ("sure", "sure"),
        ("hard", "hard"),
        ("nothing", "empty"),
        ("more", "class person"),
        ("car", "class car"),
    ]
    assert chosen(items, said)[5:] == [("wrong", "any")]


def test_boxes_take_turns(tmp_path: Path) -> None:
    items = [item(tmp_path, f"{device}-{n}", ["person"], device) for device in ("yard-1", "yard-2", "yard-3") for n in range(4)]
    said = {each.id: [("person", 0.99 - 0.01 * n)] for n, each in enumerate(items)}
    first = [name.rpartition("-")[0] for name, _ in chosen(items, said, most=6)]
    assert sorted(first[:3]) == sorted(first[3:]) == ["yard-1", "yard-2", "yard-3"]


def test_what_lies_near_the_floor_is_chosen_last(tmp_path: Path) -> None:
    """Another engine would show it, or not, and a good model would be refused."""
    items = [item(tmp_path, "clear", ["person"]), item(tmp_path, "near", ["person"]), item(tmp_path, "nearly", [])]
    said = {"clear": [("person", 0.7)], "near": [("person", 0.52)], "nearly": [("person", 0.49)]}
    assert chosen(items, said, most=1) == [("clear", "sure")]
    assert [why for _, why in chosen(items, said)][1:] == ["any", "any"]


def test_a_picture_that_was_not_labelled_whole_is_neither_right_nor_empty(tmp_path: Path) -> None:
    items = [item(tmp_path, "half", ["person"], exhaustive=False), item(tmp_path, "unknown", exhaustive=False)]
    assert [why for _, why in chosen(items, {"half": [("person", 0.99)]})] == ["any", "any"]


def test_two_answers_to_one_thing_are_not_right(tmp_path: Path) -> None:
    items = [item(tmp_path, "twice", ["person"])]
    assert chosen(items, {"twice": [("person", 0.9), ("person", 0.8)]}) == [("twice", "any")]


def test_pictures_too_large_or_gone_are_passed_over(tmp_path: Path) -> None:
    items = [
        item(tmp_path, "large", ["person"], size=MOST_BYTES + 1),
        item(tmp_path, "gone", ["person"]),
        item(tmp_path, "good", ["person"]),
    ]
    (tmp_path / "gone.png").unlink()
    said = {each.id: [("person", 0.9)] for each in items}
    assert [name for name, _ in chosen(items, said)] == ["good"]
    (tmp_path / "good.png").unlink()
    with pytest.raises(ConfigError, match="none of 3 can be carried"):
        chosen(items, said)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    pictures=st.lists(
        st.tuples(
            st.lists(st.sampled_from(CLASSES), unique=True),
            st.lists(st.tuples(st.sampled_from(CLASSES), st.floats(0.01, 1)), max_size=3),
            st.sampled_from(["yard-1", "yard-2"]),
        ),
        min_size=1,
        max_size=12,
    ),
    most=st.integers(1, 10),
    seed=st.randoms(use_true_random=False),
)
def test_the_choice_is_the_same_in_any_order_each_once_and_never_too_many(
    tmp_path: Path, pictures: list[tuple[list[str], list[Said], str]], most: int, seed: object
) -> None:
    items = [item(tmp_path, f"p{n:02}", labels, device) for n, (labels, _, device) in enumerate(pictures)]
    said: dict[str, Sequence[Said]] = {f"p{n:02}": each[1] for n, each in enumerate(pictures)}
    first = chosen(items, said, most)
    assert len(first) == min(most, len(items)) == len({name for name, _ in first})
    mixed = items[:]
    seed.shuffle(mixed)  # type: ignore[attr-defined]
    assert chosen(mixed, said, most) == first


def test_a_sample_is_always_the_same_and_in_order(tmp_path: Path) -> None:
    items = [item(tmp_path, f"p{n:03}") for n in range(50)]
    few = sample(lesson(items), 10)
    assert [each.id for each in few.val] == [case.id for case in few.ground.cases] == sorted(each.id for each in few.val)
    assert [each.id for each in sample(lesson(items[::-1]), 10).val] == [each.id for each in few.val]
    assert len(sample(lesson(items[:5]), 10).val) == 5


def test_only_the_validation_part_is_looked_at_and_sampling_is_told_of_the_training_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.trainer.datasets.sets import ListReader
    from trainer.registry import lesson as module

    def placed(n: int, reason: str, probability: float | None) -> Item:
        origin = Origin(device="yard-1", session=f"s{n}", reason=reason, probability=probability)
        return Item(f"p{n}", f"p{n}.png", 100, 80, (), tmp_path / "x.png", exhaustive_for=CLASSES, origin=origin)

    items = [
        placed(0, "event_best", 1.0),
        placed(1, "uncertain", 0.25),
        placed(2, "uncertain", 0.5),
        placed(3, "", None),
        *(placed(n, "x", 1) for n in (4, 5)),
    ]
    monkeypatch.setattr(module, "open_reader", lambda *_: ListReader(items))
    sides = dict(zip([each.id for each in items], ["train", "train", "train", "train", "val", "test"], strict=True))
    read = read_lesson(tmp_path, CLASSES, lambda each: sides[each.id])
    assert [each.id for each in read.val] == ["p4"]
    told = {reason: (each.pictures, each.least_probability) for reason, each in read.sampling.items()}
    assert told == {"event_best": (1, 1.0), "not said": (1, None), "uncertain": (2, 0.25)}
    with pytest.raises(ConfigError, match="has no picture for validation"):
        read_lesson(tmp_path, CLASSES, lambda _: "test")
