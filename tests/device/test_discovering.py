"""What a configuration makes of Home Assistant's discovery."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from device.config import load
from device.discovering import discover
from device.pipeline.tally import Tally
from device.publish.notices import Notices
from tests.scenarios.stage import config

PATTERN = {"use": "pattern", "width": 320, "height": 240, "fps": 10, "pace": "realtime"}


def said(folder: Path, **options: Any) -> dict[str, Any]:
    notices, found = Notices(Tally()), {}
    loaded = load(config(folder, PATTERN, **options))
    discover(loaded, folder, notices, updates=False)
    while (letter := notices.take()) is not None:
        found[letter.topic] = json.loads(letter.payload or b"null")
    return found


def test_home_assistant_is_told_nothing_unless_it_is_wanted(tmp_path: Path) -> None:
    assert said(tmp_path, mqtt={"host": "broker.lan"}) == {}
    assert said(tmp_path) == {}, "no broker at all"
    assert not (tmp_path / "discovery.json").exists()


def test_what_it_is_told_is_what_the_configuration_has_and_is_taken_back_with_the_option(tmp_path: Path) -> None:
    wanted = {"mqtt": {"host": "broker.lan", "home_assistant": {"prefix": "ha"}}}
    ((topic, message),) = said(tmp_path, **wanted, health={"interval_s": 20}).items()
    cameras = load(config(tmp_path, PATTERN)).settings.cameras
    parts = message["components"]
    assert {each["name"] for each in parts.values() if each["name"].endswith(" online")} == {f"{name} online" for name in cameras}
    assert parts["fps"]["expire_after"] == 120
    recording = next(key for key in parts if key.startswith("record_"))
    assert parts[recording]["name"]
    without = said(tmp_path, **wanted, record=None)[topic]["components"]
    assert without[recording] == {"platform": "button"}, "which takes it away"
    assert said(tmp_path, mqtt={"host": "broker.lan"}) == {topic: None}
