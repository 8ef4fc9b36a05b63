"""What is drawn goes to the keys that hold it, and comes back as it was drawn; what a profile or camera takes along."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import ConfigError
from device.clock import SystemClock
from device.config import load
from device.pipeline.board import Board
from device.pipeline.channel import nothing
from device.setup.opening import owners_desk
from device.setup.owner import OwnersDesk
from device.setup.trial import trial
from device.web.setup_owner import AreasGiven, CameraGiven
from tests.device.setup.newbox import device_yaml

SQUARE = {"points": ((0.1, 0.1), (0.5, 0.1), (0.5, 0.5), (0.1, 0.5))}
BOW = {"points": ((0.1, 0.1), (0.5, 0.5), (0.5, 0.1), (0.1, 0.5))}
DRAWN = [list(point) for point in SQUARE["points"]]


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[OwnersDesk]:
    """A box whose device.yaml has a camera with a zone already."""
    zone = {"points": [[0, 0], [1, 0], [1, 1]], "labels": ["person"]}
    path = device_yaml(tmp_path, cameras={"yard": {"use": "pattern", "zones": {"old": zone}}})
    yield owners_desk(load(path), SystemClock(), Board(), nothing)


def draw(desk: OwnersDesk, **said: Any) -> None:
    desk.save_areas("yard", AreasGiven.model_validate(said))


def camera(desk: OwnersDesk) -> dict[str, Any]:
    return dict(desk.state()["cameras"][0])


def test_zones_and_masks_come_back_as_they_were_drawn(mine: OwnersDesk) -> None:
    draw(mine, zones={"gate": SQUARE, "old": SQUARE}, masks=(SQUARE,), ignored=(SQUARE, SQUARE))
    now = camera(mine)
    assert now["zones"] == {"gate": DRAWN, "old": DRAWN} and now["masks"] == [DRAWN] and now["ignored"] == [DRAWN] * 2
    assert mine.loaded.settings.cameras["yard"].zones["old"].labels == ("person",), "what the page does not show stays"
    assert mine.state()["pending"]
    draw(mine, zones={"gate": SQUARE})
    now = camera(mine)
    assert list(now["zones"]) == ["gate"] and now["masks"] == now["ignored"] == [], "what another file says is gone too"


def test_masks_of_before_move_to_their_camera_when_they_are_drawn_anew(tmp_path: Path) -> None:
    path = device_yaml(tmp_path, cameras={"yard": {"use": "pattern"}}, export={"masks": {"yard": [[[0, 0], [1, 0], [1, 1]]]}})
    desk = owners_desk(load(path), SystemClock(), Board(), nothing)
    assert camera(desk)["masks"] == [[[0, 0], [1, 0], [1, 1]]] and camera(desk)["copied"] is False
    draw(desk, masks=(SQUARE,))
    assert camera(desk)["masks"] == [DRAWN] and not desk.loaded.settings.export.masks
    draw(desk)
    assert camera(desk)["masks"] == [] and desk.loaded.settings.cameras["yard"].masks == ()


def test_what_bounds_no_area_changes_nothing(mine: OwnersDesk) -> None:
    with pytest.raises(ConfigError, match="cross or overlap"):
        draw(mine, zones={"gate": SQUARE, "bow": BOW})
    with pytest.raises(ConfigError, match="outside the picture"):
        draw(mine, masks=({"points": ((0, 0), (2, 0), (1, 1))},))
    with pytest.raises(ConfigError, match="none of that name"):
        mine.save_areas("hall", AreasGiven())
    assert list(camera(mine)["zones"]) == ["old"] and not mine.state()["pending"]


def test_a_camera_takes_its_masks_with_it_and_another_kind_keeps_its_zones(mine: OwnersDesk) -> None:
    draw(mine, zones={"old": SQUARE}, masks=(SQUARE,), ignored=(SQUARE,))
    mine.save_camera(CameraGiven(name="yard", kind="rtsp", address="192.0.2.7/one"))
    assert camera(mine)["zones"] == {"old": DRAWN} and camera(mine)["address"] == "rtsp://192.0.2.7/one"
    mine.save_camera(CameraGiven(name="hall", kind="test"))
    mine.remove_camera("yard")
    settings = mine.loaded.settings
    assert list(settings.cameras) == ["hall"] and not settings.export.masks
    trial(mine.loaded, SystemClock())  # no mask is left of a camera that is not there


def test_another_profile_drops_what_was_said_of_stages_that_it_does_not_have(mine: OwnersDesk) -> None:
    draw(mine, ignored=(SQUARE,))
    mine.save_profile("street-count")
    assert camera(mine)["ignored"] == [DRAWN], "which has a gate of the same name"
    with pytest.raises(ConfigError, match="there is none of that name"):
        mine.save_profile("../../etc/passwd")
    assert mine.loaded.settings.profile == "street-count"
