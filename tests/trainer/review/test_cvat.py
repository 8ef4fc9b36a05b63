from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import ConfigError
from dataset.marks import box
from tests.trainer.review.homes import Place, Shot, add
from tests.trainer.review.test_desk import decision
from trainer.review.cvat import NOTE, bring, send
from trainer.review.listing import one

EDITED = '<box label="person" source="manual" occluded="0" xtl="1.0" ytl="2.0" xbr="70.5" ybr="22.0" z_order="0"></box>'


@pytest.fixture
def sent(here: Place, tmp_path: Path) -> tuple[Place, Path]:
    add(here.sets / "yard", [*(Shot(n) for n in range(3)), Shot(9, [box("cat", (3, 3, 9, 9), 0.75)])])
    here.fill(classes=["dog"])
    assert send(here.database, here.sets, tmp_path / "cvat", name="yard", most=100) == 4
    return here, tmp_path / "cvat"


def edit(folder: Path, item: str, inner: str) -> None:
    """As somebody in CVAT leaves one picture; new boxes have no attributes of ours."""
    path = folder / "annotations.xml"
    text = path.read_text()
    path.write_text(re.sub(rf'(name="{item}.png"[^>]*>).*?(</image>)', rf"\g<1>{inner}\g<2>", text, flags=re.DOTALL))


def boxes(where: Place, item: str) -> list[dict[str, Any]]:
    return list(one(where.database, where.sets, item)["labels"]["boxes"])


def test_what_goes_out_comes_back_by_the_pictures_id(sent: tuple[Place, Path]) -> None:
    here, folder = sent
    assert len(list((folder / "images").glob("*.png"))) == 4
    drawn, empty, *kept = here.ids()
    edit(folder, drawn, EDITED)
    edit(folder, empty, "")
    done = bring(here.desk, folder, "ann")
    assert (done.answered, done.same, done.conflicts, done.refused, done.unknown) == (4, 0, [], [], [])
    (mine,) = boxes(here, drawn)
    assert (mine["box"], mine["source"]) == ([1, 2, 63, 20], "person"), "cut at the edge"
    assert boxes(here, empty) == []
    assert one(here.database, here.sets, empty)["labels"]["exhaustive_for"] == ["person", "cat", "dog"]
    assert {each["source"] for item in kept for each in boxes(here, item)} == {"model"}
    assert here.fill().waiting == 0
    again = bring(here.desk, folder, "ann")
    assert (again.answered, again.same) == (0, 4), "twice is once"


def test_what_was_changed_here_meanwhile_is_told_and_not_written_over(sent: tuple[Place, Path]) -> None:
    here, folder = sent
    item = here.ids()[0]
    here.desk.answer(item, 1, decision("nothing"), "bob")
    done = bring(here.desk, folder, "ann")
    assert (done.answered, len(done.conflicts)) == (3, 1)
    assert item in done.conflicts[0]
    assert "bob changed it meanwhile" in done.conflicts[0]
    assert one(here.database, here.sets, item)["labels"]["answer"] == "nothing"


def test_pictures_and_classes_that_are_not_ours_are_told(sent: tuple[Place, Path]) -> None:
    here, folder = sent
    item = here.ids()[0]
    edit(folder, item, EDITED.replace('"person"', '"dragon"'))
    path = folder / "annotations.xml"
    path.write_text(path.read_text().replace(f"{here.ids()[1]}.png", "stranger.png"))
    done = bring(here.desk, folder, "ann")
    assert done.answered == 2
    assert done.unknown == ["stranger.png"]
    assert "'dragon'): is no class of this data set" in done.refused[0]


def test_without_what_went_out_nothing_comes_in(sent: tuple[Place, Path], tmp_path: Path) -> None:
    here, folder = sent
    (folder / NOTE).write_text("{}")
    with pytest.raises(ConfigError, match="is not what `review export` wrote"):
        bring(here.desk, folder, "ann")
    with pytest.raises(ConfigError, match="dragon: is none of yard"):
        send(here.database, here.sets, tmp_path / "again", name="yard", most=1, complete_for=["dragon"])


def test_only_of_the_classes_that_were_asked_for_a_picture_is_complete(here: Place, tmp_path: Path) -> None:
    add(here.sets / "yard", [Shot(1), Shot(2, [box("cat", (3, 3, 9, 9), 0.75)])])
    here.fill()
    send(here.database, here.sets, tmp_path / "some", name="yard", most=1, complete_for=["cat"])
    bring(here.desk, tmp_path / "some", "ann")
    (item,) = here.ids(state="done")
    assert one(here.database, here.sets, item)["labels"]["exhaustive_for"] == ["cat"]
