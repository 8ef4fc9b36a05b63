"""Where masks stand in a configuration, and which of two places counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from device.config import Loaded, load
from device.hiding import copied
from device.masks import in_training, masks_of
from tests.device.setup.newbox import device_yaml

OLD, OWN = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)), ((0.5, 0.5), (1.0, 0.5), (1.0, 1.0))


def box(folder: Path, own: Any = "none", **more: Any) -> Loaded:
    camera = {"use": "pattern", **({} if own == "none" else {"masks": own})}
    return load(device_yaml(folder, cameras={"yard": camera}, export={"masks": {"yard": [OLD]}}, **more))


def test_masks_of_an_older_configuration_hide_everywhere(tmp_path: Path) -> None:
    settings = box(tmp_path).settings
    assert masks_of(settings, "yard") == in_training(settings, "yard") == (OLD,)
    assert masks_of(settings, "another") == ()


def test_a_camera_with_masks_of_its_own_has_those_and_the_older_ones_are_for_training_alone(tmp_path: Path) -> None:
    settings = box(tmp_path, [OWN]).settings
    assert masks_of(settings, "yard") == (OWN,) and in_training(settings, "yard") == (OWN, OLD)
    assert masks_of(box(tmp_path, []).settings, "yard") == (), "none, and said so"
    assert masks_of(box(tmp_path, None).settings, "yard") == (OLD,)


def test_clips_show_what_is_hidden_only_where_somebody_said_so_and_something_is(tmp_path: Path) -> None:
    assert not copied(box(tmp_path).settings, "yard")
    settings = box(tmp_path, record={"masked": "copy"}).settings
    assert copied(settings, "yard") and not copied(settings, "another")


def test_masks_decide_events_so_they_are_in_the_digest_wherever_they_stand(tmp_path: Path) -> None:
    assert box(tmp_path, [OLD]).digest() == box(tmp_path).digest() != box(tmp_path, []).digest()
