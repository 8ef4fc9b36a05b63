"""Material: sides, classes, partial labels and broken pictures, each said by name before hours are spent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contracts.errors import ConfigError
from dataset.items import Item, Label
from dataset.marks import Mark, box
from dataset.native import NativeReader
from tests.trainer.train import worlds
from trainer.datasets.hashing import roots_of
from trainer.home import Home
from trainer.jobs.told import Silent
from trainer.train.config import Data
from trainer.train.example import EVERY, marks_of
from trainer.train.material import gather
from trainer.train.pictures import Pictures, with_readable_val


def data(**values: object) -> Data:
    return Data.model_validate({"set": "shapes", "split": "shapes", **values})


def spoil(home: Home, ids: list[str]) -> None:
    """The head of a PNG stays, what follows is lost: as a bad disk leaves it."""
    for name in ids:
        path = home.sets / "shapes" / "images" / f"{name}.png"
        path.write_bytes(path.read_bytes()[:200])


def test_the_parts_are_those_of_the_split_and_the_root_is_that_of_dataset_hash(shapes: Home) -> None:
    found = gather(data(), shapes)
    with_pictures = roots_of(NativeReader(shapes.sets / "shapes")).root
    assert found.data_root == found.split_root == with_pictures
    train, val = {example.id for example in found.train}, {item.id for item in found.val_items}
    assert len(train) + len(val) == 48
    assert not train & val
    sessions = {item.origin.session for item in found.val_items}
    assert sessions
    reader = NativeReader(shapes.sets / "shapes")
    assert {item.origin.session for item in reader if item.id in train}.isdisjoint(sessions)
    assert sum(found.examples.values()) == sum(len(example.marks.boxes) for example in found.train)
    assert found.classes == tuple(category.name for category in reader.categories)


def test_a_set_that_is_not_what_was_split_is_refused_unless_the_owner_says_so(home: Home) -> None:
    worlds.make_set(home, count=24)
    worlds.make_split(home)
    worlds.make_set(home, count=30)
    with pytest.raises(ConfigError, match=r"its root is sha256:.*the split was made of sha256:.*--after"):
        gather(data(), home)
    assert len(gather(data(check_root=False), home).train) > 0


def test_classes_can_be_chosen_and_unknown_ones_are_named(shapes: Home) -> None:
    found = gather(data(classes=("box",)), shapes)
    assert found.classes == ("box",)
    assert all((example.marks.kinds == 0).all() for example in found.train)
    with pytest.raises(ConfigError, match=r"data\.classes: lamp: the set has no such class, it has "):
        gather(data(classes=("box", "lamp")), shapes)


def test_a_class_with_too_few_examples_is_named_with_its_count(shapes: Home) -> None:
    with pytest.raises(ConfigError, match=r"fewer than 1000 labelled things in the train part: .*ball \(\d+\)"):
        gather(data(min_examples=1000), shapes)


def test_an_empty_train_part_is_said(home: Home) -> None:
    worlds.make_set(home, count=12)
    worlds.make_split(home, val=1.0)
    with pytest.raises(ConfigError, match="its train part is empty"):
        gather(data(), home)


def test_a_val_part_with_nothing_to_find_is_said(home: Home) -> None:
    worlds.make_set(home, count=12, said=lambda n, marks: (marks if n == 0 else [], worlds.CLASSES))
    worlds.make_split(home)
    with pytest.raises(ConfigError, match=r"val part has no labelled thing.*label some of its pictures$"):
        gather(data(min_examples=0), home)


def test_who_has_only_a_machines_boxes_is_told_that_nobody_verified_them(home: Home) -> None:
    worlds.make_set(home, count=12, said=lambda n, marks: ([box(mark.category, mark.bbox, 0.9) for mark in marks], ()))
    worlds.make_split(home)
    for learnt in (data(), data(machine_labels="learn")):
        with pytest.raises(ConfigError, match=r"\d+ boxes are a machine's and nobody verified them: `review fill`"):
            gather(learnt, home)


def test_names_do_not_lead_out_of_the_home(home: Home) -> None:
    with pytest.raises(ConfigError, match="is no name"):
        gather(data(set=".."), home)


def test_what_is_not_known_becomes_regions_of_its_class() -> None:
    item = Item(
        "i", "i.png", 100, 80,
        (
            Label((10, 10, 20, 20), "ball", verified=True),
            Label((50, 10, 20, 20), "box", 0.4, "detection"),
            Label((0, 40, 30, 30), "ball", crowd=True),
            Label((0, 0, 5, 5), "lamp"),
        ),
        ignore=((60, 60, 10, 10),),
        exhaustive_for=("ball",),
    )  # fmt: skip
    marks = marks_of(item, {"ball": 0, "box": 1})
    assert marks.boxes.tolist() == [[10, 10, 30, 30]]
    regions = {(int(kind), tuple(box)) for kind, box in zip(marks.ignored_kinds, marks.ignored.tolist(), strict=True)}
    assert regions == {(EVERY, (60, 60, 70, 70)), (1, (50, 10, 70, 30)), (0, (0, 40, 30, 70)), (1, (0, 0, 100, 80))}
    learnt = marks_of(item, {"ball": 0, "box": 1}, learn_machines=True, min_confidence=0.3)
    assert learnt.kinds.tolist() == [0, 1]
    assert marks_of(item, {"ball": 0, "box": 1}, learn_machines=True, min_confidence=0.5).kinds.tolist() == [0]


def test_broken_pictures_are_named_and_skipped_within_a_bound(home: Home) -> None:
    worlds.make_set(home, count=40)
    worlds.make_split(home)
    before = gather(data(), home)
    bad = [before.train[0].id, before.train[3].id, before.val_items[1].id]
    spoil(home, bad)
    material = with_readable_val(gather(data(broken_max_share=0.1), home), 0.1, 2, Silent())
    assert {item.id for item in material.val_items} == {item.id for item in before.val_items} - {bad[2]}
    assert len(material.val.cases) == len(material.val_items)
    pictures = Pictures(material.train, 1 << 24, 0.1, material.broken, material.pictures)
    seen = {pictures.get(index)[0].id for index in range(len(material.train))}
    assert seen == {example.id for example in material.train} - set(bad)
    assert set(pictures.broken) == set(bad)
    assert all("differs" in why for why in pictures.broken.values())
    strict = Pictures(material.train, 0, 0.0, material.broken, material.pictures)
    with pytest.raises(ConfigError, match=r"2 of \d+ pictures are broken, more than data.broken_max_share 0.0 allows"):
        strict.get(0)


def test_a_picture_that_is_gone_is_broken_too(home: Home) -> None:
    worlds.make_set(home, count=24)
    worlds.make_split(home)
    gone = gather(data(), home).train[0].id
    (home.sets / "shapes" / "images" / f"{gone}.png").unlink()
    found = gather(data(), home)
    assert list(found.broken) == [gone]
    assert gone not in {example.id for example in found.train}


def test_a_cache_keeps_what_fits_and_gives_the_same(shapes: Home) -> None:
    material = gather(data(), shapes)
    one = 96 * 128 * 3
    pictures = Pictures(material.train, 2 * one, 0.0, {}, 48)
    first = [pictures.get(index)[1] for index in range(4)]
    again = [pictures.get(index)[1] for index in range(4)]
    assert [a is b for a, b in zip(first, again, strict=True)] == [True, True, False, False]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_unsure_machines_make_no_truth_in_val_either(home: Home) -> None:
    def said(number: int, marks: list[Mark]) -> tuple[list[Mark], tuple[str, ...]]:
        return [*marks[1:], *worlds.seen(marks[:1], 0.9)], ()

    worlds.make_set(home, count=24, said=said)
    worlds.make_split(home)
    found = gather(data(), home)
    assert sum(int(case.crowd.sum()) for case in found.val.cases) > 0


def test_the_split_may_be_a_path(shapes: Home) -> None:
    assert gather(data(split=str(shapes.splits / "shapes.json"), set=str(shapes.sets / "shapes")), shapes).train
    with pytest.raises(ConfigError, match="is not there; make a split"):
        gather(data(split=str(Path(shapes.splits) / "gone.json")), shapes)
