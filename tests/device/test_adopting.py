"""Adopting: off unless wanted; what gives a picture is written where the page writes, and what the owner named already stays his."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from contracts.errors import StorageError
from device import adopting
from device.adopting import PART, Adopting, adopt
from device.capture.local import LocalCamera
from device.clock import SystemClock
from device.config import load
from device.findings import Finding
from device.pipeline.board import Board
from device.pipeline.crew import Crew
from tests.device.capture.sysfs import Bench
from tests.scenarios.stage import config

DOOR = {"use": "v4l2", "device": "usb:046d:0892:A"}
GOOD = Finding("camera new", "ok", "h264 640x480")


class Rig:
    def __init__(self, folder: Path, dark: Sequence[str] = ()) -> None:
        self.bench, self.board = Bench(folder / "bench"), Board()
        self.path = config(folder, DOOR, adopt_cameras=True)
        self.starts: list[int] = []
        self.tried: list[str] = []
        self.dark = dark
        self.one = Adopting(
            load(self.path), lambda: self.starts.append(1), clock=SystemClock(), board=self.board, look=self.bench.look, give=self.give
        )

    def give(self, camera: LocalCamera) -> Finding:
        self.tried.append(camera.id)
        return Finding("camera new", "error", "no picture") if camera.id in self.dark else GOOD

    def step(self) -> None:
        self.one.consider(self.bench.look())

    def cameras(self) -> dict[str, str]:
        return {name: (camera.model_extra or {})["device"] for name, camera in load(self.path).settings.cameras.items()}


def test_a_new_camera_that_gives_a_picture_is_in_the_configuration_and_a_new_start_is_asked_for(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.bench.plug_usb("1", 0, serial="A")
    rig.step()
    assert (rig.tried, rig.starts) == ([], []), "the owner's own is no stranger"
    rig.bench.plug_usb("2", 2, serial="B")
    rig.step()
    rig.step()
    assert (rig.tried, rig.starts) == (["usb:046d:0892:B"], [1])
    assert set(rig.cameras().values()) == {"usb:046d:0892:A", "usb:046d:0892:B"}
    assert "camera1" in rig.cameras()


def test_one_that_gives_no_picture_is_left_and_tried_again_when_it_is_plugged_in_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path, dark=["usb:046d:0892:B"])
    rig.bench.plug_usb("2", 2, serial="B")
    rig.step()
    rig.step()
    rig.bench.unplug("video2", "video3")
    rig.step()
    rig.bench.plug_usb("2", 2, serial="B")
    rig.step()
    assert (rig.tried, rig.starts) == (["usb:046d:0892:B"] * 2, [])
    assert list(rig.cameras().values()) == ["usb:046d:0892:A"]


def test_a_disk_that_takes_nothing_is_said_and_nothing_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageError("owner.yaml: no space left on device; make room")

    monkeypatch.setattr(adopting, "write_owner", full)
    rig = Rig(tmp_path)
    rig.bench.plug_usb("2", 2, serial="B")
    rig.step()
    assert rig.starts == []
    assert rig.board.parts()[PART].reason == "a new camera is not watched: owner.yaml: no space left on device; make room"


def test_nobody_is_adopted_unless_it_is_wanted(tmp_path: Path) -> None:
    crew = Crew(SystemClock())
    adopt(load(config(tmp_path, DOOR)), crew, lambda: None, clock=SystemClock(), board=Board())
    assert crew.ready() and not crew._threads
