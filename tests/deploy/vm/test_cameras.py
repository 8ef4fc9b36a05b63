"""V4L2 for real: a kernel with two cameras of its own (vivid), one taken away and given back while the appliance looks through both."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.vm.machine import of, run_in_machine

SOON_S = 30.0  # of the machine's own time, which runs on while others have the processor

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run_in_machine("tests.deploy.vm.guest", tmp_path_factory.mktemp("vm"))


def states(said: list[dict[str, Any]], what: str) -> dict[str, str]:
    return {name: camera["state"] for name, camera in of(said, what)["cameras"].items()}


def analysed(said: list[dict[str, Any]], what: str, camera: str) -> int:
    return int(of(said, what)["analysed"][camera])


def test_it_came_to_its_end(said: list[dict[str, Any]]) -> None:
    assert of(said, "done")


def test_both_cameras_are_listed_by_names_that_stay(said: list[dict[str, Any]]) -> None:
    assert [each[0] for each in of(said, "listed")["cameras"]] == ["bus:platform:vivid-000", "bus:platform:vivie-000"]


def test_pictures_of_both_are_looked_at_soon_after_they_were_taken(said: list[dict[str, Any]]) -> None:
    """Raw ones, through our encoder; none was spoilt."""
    before = of(said, "before")
    assert states(said, "before") == {"left": "online", "right": "online"}
    assert all((camera["codec"], camera["size"]) == ("h264", [320, 180]) for camera in before["cameras"].values())
    assert min(before["analysed"].values()) >= 5 and max(before["age_s"].values()) < 3
    assert of(said, "end")["lost"] == {}


def test_one_that_is_taken_away_is_unplugged_and_the_other_goes_on(said: list[dict[str, Any]]) -> None:
    assert of(said, "right unplugged")["took_s"] < SOON_S
    assert states(said, "between") == {"left": "online", "right": "unplugged"}
    assert "bus:platform:vivie-000 is not plugged in; plug it in" in of(said, "between")["cameras"]["right"]["reason"]
    assert analysed(said, "between", "left") >= analysed(said, "before", "left") + 5


def test_given_back_it_is_looked_through_again(said: list[dict[str, Any]]) -> None:
    assert of(said, "right is back")["took_s"] < SOON_S
    assert states(said, "after") == {"left": "online", "right": "online"}
    assert analysed(said, "after", "right") >= analysed(said, "between", "right") + 5


def test_one_that_drops_off_by_itself_comes_back_by_itself(said: list[dict[str, Any]]) -> None:
    assert states(said, "dropped")["right"] == "online"
    assert of(said, "left is back by itself")["took_s"] < SOON_S


def test_a_box_whose_cameras_all_go_looks_through_all_when_they_come_back(said: list[dict[str, Any]]) -> None:
    assert of(said, "both again")["took_s"] < SOON_S
    assert states(said, "end") == {"left": "online", "right": "online"}
