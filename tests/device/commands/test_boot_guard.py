"""A start is counted once, whoever counts it: the guard before it, or the program itself where the guard could not."""

from __future__ import annotations

import json
from pathlib import Path

from device.commands.boot_guard import guard
from device.update.slots import Slots
from tests.device.update.box import bundle


def unready(data: Path) -> int:
    return int(json.loads((data / "update" / "boots.json").read_text())["unready"])


def test_one_start_is_counted_once_and_the_next_again(tmp_path: Path) -> None:
    Slots(tmp_path / "models").adopt(bundle(tmp_path / "factory.vdb"))
    counts = []
    for start in ("a", "a", "b", "b", ""):
        assert guard(tmp_path, start) == []
        counts.append(unready(tmp_path))
    assert counts == sorted(counts)
    assert (counts[0] == counts[1], counts[2] == counts[3]) == (True, True)
    assert (tmp_path / "update" / "start").read_text() == "b"


def test_a_box_without_pushed_models_is_left_as_it_is(tmp_path: Path) -> None:
    assert guard(tmp_path, "a") == []
    assert not list(tmp_path.iterdir())


def test_a_mark_that_cannot_be_read_is_said_and_prevents_nothing(tmp_path: Path) -> None:
    (tmp_path / "update" / "start").mkdir(parents=True)
    (words,) = guard(tmp_path, "a")
    assert "starts are not counted" in words
