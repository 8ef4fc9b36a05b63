"""What two models saw differently on a box: from the mark on a scene to the queue of those who label, by the parts of both."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import select

from device.pipeline.protocols import Inbox
from device.update.marking import Marking
from tests.device.export.test_doubts import shown
from tests.device.export.test_training import Outlet
from tests.trainer.review.homes import Place
from trainer.store.review_tables import review_items
from vision.types import Scene

FAR, NEAR = (5.0, 5.0, 20.0, 20.0, 0.9, 1), (25.0, 20.0, 45.0, 40.0, 0.9, 2)


def test_a_picture_on_which_two_models_differed_is_labelled_before_one_taken_by_chance(here: Place, tmp_path: Path) -> None:
    outlet, marking = Outlet(tmp_path / "box", events=(), review={"per_day": 3, "uniform_s": 10}), Marking()
    with outlet.running() as training:
        outlets: list[Inbox[Scene]] = [training]
        marking.go_before(training, outlets)
        for number in range(300):
            scene = shown(number, (FAR, NEAR))
            if number == 150:
                marking.differed(scene)  # as the shadow says it, straight from the detector
            outlets[0].put(scene)
    shutil.copytree(tmp_path / "box" / "dataset", here.sets / "yard")
    assert here.fill().added > 1
    with here.database.read() as connection:
        items = connection.execute(select(review_items)).all()
    (differed,) = [each for each in items if each.reason == "disagreement"]
    chance = [each for each in items if each.reason == "uniform"]
    assert chance and all(differed.value > 3 * each.value for each in chance)
    assert here.items(reason="disagreement")[0]["id"] == differed.id
