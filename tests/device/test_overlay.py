"""Overlay: what the page writes counts, is checked whole before, and says which keys are not its to change."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import yaml

from contracts.errors import ConfigError
from device.config import Loaded, Said, load
from device.overlay import later, write_owner
from device.problems import BadConfig

FILE = "cameras:\n  yard: {use: rtsp, url: 'rtsp://a/', zones: {door: {points: [[0, 0], [1, 0], [0, 1]]}}}\n"


class Box:
    def __init__(self, folder: Path) -> None:
        self.data, self.said = folder / "data", Said(folder / "device.yaml")
        (folder / "device.yaml").write_text(f"data: {self.data}\n{FILE}")

    def loaded(self) -> Loaded:
        return load(self.said.device_file)

    def write(self, **changes: object) -> None:
        write_owner(self.data, changes, said=self.said)

    @property
    def owner(self) -> Path:
        return self.data / "config" / "owner.yaml"


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    monkeypatch.chdir(tmp_path)
    return Box(tmp_path)


def test_what_is_written_counts_and_what_was_written_before_stays(box: Box) -> None:
    box.write(cameras={"yard": {"detection_fps": 3}})
    box.write(detection_fps=7, cameras={"door": {"use": "pattern"}})
    settings = box.loaded().settings
    assert settings.detection_fps == 7 and set(settings.cameras) == {"yard", "door"} and settings.cameras["yard"].detection_fps == 3
    assert box.owner.stat().st_mode & 0o777 == 0o600


def test_a_camera_of_device_yaml_can_be_removed_and_comes_back_when_that_is_forgotten(box: Box) -> None:
    box.write(cameras={"yard": None})
    assert not box.loaded().settings.cameras
    write_owner(box.data, {}, forget=[("cameras", "yard")], said=box.said)
    assert set(box.loaded().settings.cameras) == {"yard"} and yaml.safe_load(box.owner.read_text()) == {}


def test_a_camera_of_another_kind_takes_nothing_of_the_old_address(box: Box) -> None:
    box.write(cameras={"yard": {"use": "v4l2", "path": "/dev/video9"}})
    found = box.loaded()
    assert found.sources["yard"][0].__name__ == "V4l2Source" and "door" in found.settings.cameras["yard"].zones
    box.write(cameras={"yard": {"use": "pattern"}})
    assert box.loaded().sources["yard"][0].__name__ == "PatternSource"


def test_what_would_be_wrong_as_a_whole_leaves_all_as_it_was(box: Box) -> None:
    box.write(detection_fps=7)
    before = box.owner.read_bytes()
    for changes in ({"detection_fps": -1}, {"cameras": {"yard": {"use": "nothing"}}}, {"nonsense": 1}):
        with pytest.raises(BadConfig):
            box.write(**changes)
    for key in ("data", "device_id"):
        with pytest.raises(ConfigError):
            box.write(**{key: "/elsewhere"})
    assert box.owner.read_bytes() == before and {path.name for path in box.owner.parent.iterdir()} == {"owner.yaml"}


def test_a_key_that_a_later_layer_says_is_refused_and_named(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    (box.data / "config/pushed/current").mkdir(parents=True)
    (box.data / "config/pushed/current/revision.yaml").write_text("cameras: {yard: {zones: {door: null, gate: null}}}\ndetection_fps: 4\n")
    monkeypatch.setenv("VEDETTE_RECORD__PRE_ROLL_MS", "1")
    found = later(box.loaded())
    assert "pushed" in found["detection_fps"] and "service" in found["record.pre_roll_ms"] and "cameras.yard.use" not in found
    for changes in ({"detection_fps": 5}, {"record": {"pre_roll_ms": 2}}, {"record": None}):
        with pytest.raises(ConfigError, match="cannot be changed here"):
            box.write(**changes)
    box.write(patience_ms=5)
    assert box.loaded().settings.patience_ms == 5


def test_threads_that_write_at_the_same_time_lose_nothing(box: Box) -> None:
    threads = [threading.Thread(target=box.write, kwargs={"cameras": {f"c{n}": {"use": "pattern"}}}) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(box.loaded().settings.cameras) == {"yard", "c0", "c1", "c2", "c3"}
