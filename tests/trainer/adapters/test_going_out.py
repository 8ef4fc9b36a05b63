"""What goes out to a program that knows nothing of doubt, and what stays here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigError
from dataset.formats.known import open_reader
from dataset.items import Item, Label
from tests.trainer.ship import lessons
from trainer.adapters.going_out import certain, go_out
from trainer.ship.lesson import Lesson
from trainer.train.config import Data

DATA = Data(set="x")
BOX = (1.0, 2.0, 30.0, 20.0)


def test_what_went_out_reads_back_as_what_is_certain(tmp_path: Path) -> None:
    lesson = lessons.lesson(tmp_path / "pictures", 5, 3)
    first = replace(lesson.train[0], ignore=(BOX,))
    lesson = Lesson(lesson.categories, (first, *lesson.train[1:]), lesson.val)
    went = go_out(lesson, DATA, tmp_path / "out", "leave_out")
    reader = open_reader(went.folder)
    back = {item.file.rpartition("/")[2]: item for item in reader}
    reader.close()
    assert dict(went.pictures) == {"train": 4, "val": 3}
    assert went.notes() == ["1 pictures did not go out: parts of it are not judged"]
    assert set(back) == {item.file for item in (*lesson.train[1:], *lesson.val)}
    for item in lesson.val:
        found = back[item.file]
        assert [label.category for label in found.labels] == [label.category for label in item.labels]
        for mine, theirs in zip(item.labels, found.labels, strict=True):
            assert theirs.box == pytest.approx(mine.box, abs=1e-3)
        assert found.path is not None and item.path is not None
        assert found.path.stat().st_ino != item.path.stat().st_ino  # a copy: nothing out there changes the set
        assert found.path.read_bytes() == item.path.read_bytes()


def test_doubt_may_be_called_background(tmp_path: Path) -> None:
    lesson = lessons.lesson(tmp_path / "pictures", 2, 1)
    doubtful = tuple(replace(item, exhaustive_for=()) for item in lesson.train)
    lesson = Lesson(lesson.categories, doubtful, lesson.val)
    assert go_out(lesson, DATA, tmp_path / "out", "background").pictures["train"] == 2
    with pytest.raises(ConfigError, match=r"the train part has no picture that can go out .2 pictures did not go out: not every class"):
        go_out(lesson, DATA, tmp_path / "other", "leave_out")


labels = st.builds(
    Label,
    st.just(BOX),
    st.sampled_from(["figure", "stranger"]),
    st.none() | st.floats(0, 1),
    st.sampled_from(["person", "detector", "shadow", ""]),
    st.booleans(),
    crowd=st.booleans(),
)


@given(
    st.lists(labels, max_size=5),
    st.none() | st.lists(st.sampled_from(["figure", "stranger"]), max_size=2),
    st.booleans(),
    st.sampled_from(["ignore", "learn"]),
)
def test_only_what_is_known_whole_is_called_so(found: list[Label], whole: list[str] | None, ignored: bool, machine: str) -> None:
    item = Item(
        "a", "a.png", 128, 64, tuple(found), ignore=(BOX,) if ignored else (), exhaustive_for=None if whole is None else tuple(whole)
    )
    data = Data.model_validate({"set": "x", "machine_labels": machine, "min_confidence": 0.5})
    sure, why = certain(item, ("figure",), data)
    assert all(label.category == "figure" and not label.crowd for label in sure)
    if machine == "ignore":
        assert all(label.verified or label.source not in {"detector", "shadow"} for label in sure)
    if not why:
        assert not ignored
        assert whole is None or "figure" in whole
        assert len(sure) == sum(label.category == "figure" for label in found)
