"""What `vedette check` says of the storage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from device import budgets
from device.commands.check import findings
from device.config import load
from device.keep.options import StorageOptions
from device.keep.room import Room, marks
from tests.scenarios.stage import config

GB = 1_000_000_000


def judged(free: int = 60 * GB, **options: Any) -> tuple[str, str]:
    chosen = StorageOptions.model_validate(options)
    room = Room(100 * GB, free, 1000, 1000)
    finding = budgets.judged(chosen, room, marks(chosen, room, 256_000_000))
    return finding.level, f"{finding.text}; {finding.mend}"


def test_the_defaults_fit_any_disk() -> None:
    level, text = judged()
    assert level == "ok" and "100.0 GB, 60.0 GB free; budgets 90.0 GB; below 5.0 GB free the oldest goes, up to 7.0 GB" in text


@pytest.mark.parametrize(
    ("options", "level", "words"),
    [
        ({"clips": {"budget": "95 GB"}}, "error", "budgets of 115.0 GB on a disk of 100.0 GB (clips 95.0 GB, pictures 5.0 GB"),
        ({"clips": {"budget": "75%"}}, "warning", "leave 7.0 GB of the disk without a budget"),
        ({"free_low": "8%"}, "error", "free_low (8.0 GB) is not below free_high (7.0 GB)"),
        ({"free_high": "200 GB"}, "error", "lower storage.free_high"),
        ({"clips": {"budget": None}}, "ok", "budgets 20.0 GB"),
    ],
)
def test_what_does_not_fit_is_found_with_its_figures(options: dict[str, Any], level: str, words: str) -> None:
    found = judged(**options)
    assert found[0] == level and words in found[1]


def test_a_disk_that_is_short_now_is_a_warning() -> None:
    level, text = judged(free=2 * GB)
    assert level == "warning" and "the oldest goes as soon as the box runs" in text


def test_check_says_it_for_the_disk_that_the_data_is_on(tmp_path: Path) -> None:
    path = config(tmp_path, {"use": "pattern", "width": 320, "height": 240}, storage={"clips": {"budget": "900 TB"}})
    found = {finding.what: finding for finding in findings(load(path), 20, probe=True)}
    assert found["storage"].level == "error" and "on a disk of" in found["storage"].text
