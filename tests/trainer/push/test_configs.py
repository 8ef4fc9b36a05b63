"""Configurations from the trainer: released by number, brought by rollouts, sent back to what a box had or to none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.errors import ConfigError
from contracts.update import MAX_CONFIG_BYTES, Assignment, ConfigRevision
from tests.trainer.push.fleets import NEW, Fleet, names
from tests.trainer.push.test_commands import Typed, typed
from tests.trainer.push.yards import TARGETS_WORDS, Yard
from trainer.accounts.audit import HERE
from trainer.push.configs import EMPTY, back_to, release_config
from trainer.push.keys import targets_key
from trainer.push.waves import Rules
from trainer.store.database import Database

__all__ = ["typed"]


@pytest.fixture
def fleet(yard: Yard) -> Iterator[Fleet]:
    database = Database(yard.home.store)
    yield Fleet(yard, database)
    database.close()


def released(yard: Yard, text: str, name: str = "shop") -> ConfigRevision:
    file = yard.home.path / "revision.yaml"
    file.write_text(text)
    return release_config(yard.repository, file, name, targets_key(yard.place, TARGETS_WORDS))


def test_each_file_gets_the_next_number_of_its_name_and_the_same_file_keeps_it(yard: Yard) -> None:
    one, two = released(yard, "detection_fps: 4\n"), released(yard, "detection_fps: 5\n")
    other = released(yard, "detection_fps: 5\n", "yard")
    assert (one.rev, two.rev, other.rev, released(yard, "detection_fps: 4\n")) == (1, 2, 1, one)
    assert one.target.startswith("configs/shop/shop-1-") and yard.repository.configs()[one.target] == one
    file = yard.place.targets / "configs" / "shop" / f"{two.sha256}.{Path(two.target).name}"
    assert file.read_text() == "detection_fps: 5\n"
    assert back_to(None, yard.repository.configs()) == next(
        c for t, c in yard.repository.configs().items() if t.startswith("configs/none/")
    )
    assert not yard.repository.released() and EMPTY


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "cannot be read as YAML"),
        ("- a\n", "is not a mapping"),
        ("mqtt: {host: evil}\n", "mqtt: no box takes this"),
        ("device_id: x\ndata: /tmp\n", "data, device_id"),
        ("\0", "cannot be read"),
        ("#" * (MAX_CONFIG_BYTES + 1), "is larger than 256 KiB"),
    ],
)
def test_what_no_box_would_take_is_not_signed(text: str, words: str, yard: Yard) -> None:
    with pytest.raises(ConfigError, match=words):
        released(yard, text)
    assert not yard.repository.configs()


def told(fleet: Fleet) -> dict[str, Assignment]:
    fleet.progress.step()
    return {str(each.device): each for each in fleet.told()}


def says(fleet: Fleet, each: Assignment, state: str, current: str | None) -> None:
    revision = each.config
    about = {"config": revision.sha256, "config_rev": revision.rev} if revision else {}
    fleet.say([(each, state, {**about, "config_current": current})])


def test_a_rollout_brings_it_and_stop_sends_boxes_back_to_what_they_had(yard: Yard, fleet: Fleet) -> None:
    before, new = released(yard, "detection_fps: 4\n"), released(yard, "detection_fps: 5\n")
    fleet.released.update(yard.repository.everything())  # type: ignore[arg-type]
    boxes = names(2)
    fleet.introduce(boxes)
    started = fleet.rollouts.start("c1", new, boxes, boxes, Rules(), HERE)
    assert started.label == "configuration shop 2" and started.digest == f"sha256:{new.sha256}"
    first = told(fleet)
    assert all(each.config == new and each.model is None for each in first.values()) and set(first) == set(boxes)
    says(fleet, first[boxes[0]], "downloading", before.sha256)
    says(fleet, first[boxes[1]], "downloading", None)
    for each in first.values():
        says(fleet, each, "committed", new.sha256)
    told(fleet)
    assert fleet.rollouts.get("c1").state == "done" and fleet.rollouts.counted("c1").accepted == 2
    fleet.rollouts.stop("c1", "too fast", HERE)
    back = told(fleet)
    assert back[boxes[0]].config == before and back[boxes[1]].config == back_to(None, yard.repository.configs())


def test_a_box_that_is_away_gets_both_the_model_and_the_configuration_that_came_after(yard: Yard, fleet: Fleet) -> None:
    new = released(yard, "detection_fps: 5\n")
    boxes = names(2)
    fleet.introduce(boxes)
    fleet.away = {boxes[1]}
    fleet.rollouts.start("m1", NEW, boxes, boxes, Rules(success=0.5), HERE)
    fleet.live(list(told(fleet).values()))
    fleet.progress.step()
    fleet.rollouts.start("c1", new, boxes, boxes, Rules(), HERE)
    fleet.progress.step()
    fleet.away = set()
    both = told(fleet)
    assert (both[boxes[0]].model, both[boxes[0]].config) == (None, new)
    assert (both[boxes[1]].model, both[boxes[1]].config) == (NEW, new)


def test_released_and_rolled_out_as_typed(yard: Yard, typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "zones.yaml").write_text("detection_fps: 5\n")
    said = typed("push", "release", "--config", str(tmp_path / "zones.yaml"), "--name", "shop")
    target = next(each["target"] for each in said["released"] if each["target"].startswith("configs/shop/"))
    assert said["rev"] == 1
    assert "name a model" in typed("push", "release", code=1)
    started = typed("rollout", "start", "c1", "--config", "shop@1", "--device", "yard-1")
    assert (started[0]["state"], started[0]["target"]) == ("running", target)
    assert "is not released" in typed("rollout", "start", "c2", "--config", "shop@9", "--device", "yard-2", code=1)
