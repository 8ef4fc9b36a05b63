"""The janitor in the appliance: it has its place in the crew, its figures in health and metrics, and nothing on another's disk."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from device.app import Appliance
from device.clock import SystemClock
from device.config import load
from device.keep.janitor import Janitor
from device.keep.options import StorageOptions
from device.keep.shelves import shelves
from device.keep.troubles import Troubles
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.web.metrics import registry, text
from tests.clocks import HandClock
from tests.device.keep.fakes import read
from tests.scenarios.stage import config

PATTERN = {"use": "pattern", "width": 320, "height": 240, "fps": 10, "pace": "realtime"}


def appliance(folder: Path, **more: Any) -> Appliance:
    return Appliance(load(config(folder, PATTERN, **{"page": {"port": 0}, **more})), SystemClock())


def test_over_its_budget_the_running_appliance_removes_and_health_and_metrics_say_so(tmp_path: Path) -> None:
    day = tmp_path / "data" / "events" / "2026-01-02"
    day.mkdir(parents=True)
    for number in range(5):
        (day / f"{number}.jpg").write_bytes(bytes(10_000))
        os.utime(day / f"{number}.jpg", ns=(number, number))
    box = appliance(tmp_path, storage={"pictures": {"budget": "25 kB"}, "ballast_mb": 1})
    box.janitor.step()
    assert sorted(path.name for path in day.iterdir()) == ["3.jpg", "4.jpg"]
    assert [removal.item for removal in read(tmp_path / "data")] == [f"events/2026-01-02/{number}.jpg" for number in range(3)]
    box.start()
    health = box.health.step()
    assert health.storage is not None and health.storage.shelves["pictures"].bytes == 20_000
    assert json.loads(health.model_dump_json())["storage"]["shelves"]["pictures"]["budget_bytes"] == 25_000
    assert box.page is not None
    lines = text(registry(box.page._desk)).decode()
    box.stop()
    assert 'vedette_storage_removed_total{shelf="pictures"} 3.0' in lines
    assert 'vedette_storage_shelf{shelf="pictures",what="budget_bytes"} 25000.0' in lines
    assert 'vedette_storage_state{state="' in lines and 'vedette_storage_disk{what="free_bytes"}' in lines
    assert "janitor" not in box.crew.late()


def test_on_anothers_disk_nothing_goes_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    for number in range(3):
        (tmp_path / f"snapshots/{number}.jpg").write_bytes(bytes(1000))
    clock, board = HandClock(), Board()
    troubles, foreign = Troubles(clock), lambda: "the recordings of another box are on this disk"
    options = StorageOptions.model_validate({"snapshots": {"budget": "1 kB"}, "ballast_mb": 1})
    janitor = Janitor(
        tmp_path, shelves(tmp_path, clock, troubles.met, foreign=foreign), options,
        clock=clock, board=board, tally=Tally(), troubles=troubles, foreign=foreign,
    )  # fmt: skip
    for _ in range(3):
        clock.advance(4000)
        janitor.step()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["snapshots"]
    assert len(list((tmp_path / "snapshots").iterdir())) == 3
    assert janitor.report().state == "untrusted"
    assert board.parts()["storage"].reason.count("another box") == 1


@pytest.mark.parametrize("wrong", [{"clips": {"budget": "lots"}}, {"first": ["clips", "clips"]}, {"clip": {}}])
def test_a_wrong_option_is_named_with_its_line(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"device.yaml:\d+: storage"):
        appliance(tmp_path, storage=wrong)
