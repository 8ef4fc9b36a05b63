"""The appliance in this process: built whole or not at all; what the last run left is on the board."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.errors import ConfigError, StorageError
from device.app import Appliance
from device.clock import SystemClock
from device.config import load
from tests.scenarios.stage import config

PATTERN = {"use": "pattern", "width": 320, "height": 240, "fps": 10, "pace": "realtime"}


def appliance(folder: Path, **more: Any) -> Appliance:
    return Appliance(load(config(folder, PATTERN, **{"page": {"port": 0}, **more})), SystemClock())


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_built_in_vain_it_lets_go_of_everything_and_can_be_built_again(tmp_path: Path) -> None:
    before = threads()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(ConfigError, match="is taken by another program"):
            appliance(tmp_path, page={"port": taken.getsockname()[1]})
        assert threads() == before
    box = appliance(tmp_path)
    with pytest.raises(ConfigError, match="another Vedette is writing there"):
        appliance(tmp_path)
    box.start()
    box.stop()
    assert threads() == before


def test_a_data_folder_that_takes_nothing_is_found_before_anything_is_built(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="data folder /proc/self"):
        appliance(tmp_path, data="/proc/self")


def test_no_camera_is_the_owners_to_mend(tmp_path: Path) -> None:
    path = config(tmp_path, PATTERN)
    path.write_text(path.read_text().replace("cameras:", "x:").split("x:")[0] + "page: null\n")
    with pytest.raises(ConfigError, match="run `vedette init`"):
        Appliance(load(path), SystemClock())


def test_without_a_camera_it_comes_up_and_says_so_and_ends_in_order(tmp_path: Path) -> None:
    """A box that nobody set up yet: ready for systemd, with a page; health names what it waits for."""
    path = config(tmp_path, PATTERN, page={"host": "127.0.0.1", "port": 0})
    path.write_text(yaml.safe_dump({key: value for key, value in yaml.safe_load(path.read_text()).items() if key != "cameras"}))
    box = Appliance(load(path), SystemClock())
    box.start()
    assert not box.crew.wait(0) and not box.sight.stages
    ready = threading.Event()
    while not box.crew.ready():
        assert not ready.wait(0.01) and box.crew.crash is None
    setup = box.board.parts()["setup"]
    assert setup.state == "degraded" and "vedette setup-code" in setup.reason
    assert box.health.step().parts["setup"].state == "degraded"
    box.stop()
    assert box.crew.crash is None


def test_what_the_last_run_left_is_mended_or_on_the_board(tmp_path: Path) -> None:
    day = tmp_path / "data" / "clips" / "yard" / "2026-11-22"
    day.mkdir(parents=True)
    (day / "080000.000Z-00000000.mp4.part").write_bytes(b"no video" * 100)
    box = appliance(tmp_path)
    part = box.board.parts()["record"]
    box.start()
    box.stop()
    assert part.state == "degraded" and "one file of the last run cannot be played and was put into salvage/" in part.reason
    assert len(list((tmp_path / "data" / "salvage").rglob("*.part*"))) == 1


def test_nothing_left_behind_is_nothing_said(tmp_path: Path) -> None:
    box = appliance(tmp_path, record=None, page=None)
    box.start()
    box.stop()
    assert "record" not in box.board.parts() and box.page is None


def test_a_crash_is_raised_again_when_the_rest_was_closed(tmp_path: Path) -> None:
    stages = {"detect": {"bundle": "white"}, "planogram": {"use": "tests.device.site:Crashes", "after": 1}, "motion": {"hold_ms": 60000}}
    box = appliance(tmp_path, pipeline=stages)
    box.start()
    assert box.crew.wait(30) and box.crew.crash
    with pytest.raises(LookupError, match="no such planogram"):
        box.stop()
    assert box.crew.crash[0] == "follow"
    appliance(tmp_path, page=None).outbox.close()
