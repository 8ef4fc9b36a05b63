"""Following begins with whatever the disk gives: where it refuses, the box sees on with what it has, and says why it takes no updates."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from device.app import Appliance
from device.clock import SystemClock
from device.config import load
from device.update.ledger import Ledger
from device.update.state import State
from tests.device.test_app import PATTERN
from tests.device.update.repository import Repository
from tests.scenarios.stage import config

TAKEN_BACK = "sha256:" + "7" * 64


def no_row(data: Path) -> None:
    """The boot guard took a model back, and the disk does not take the row that says so."""
    with closing(State(data / "update" / "state.sqlite")) as state:
        ledger = Ledger(state)
        with state.writing() as rows:
            number = ledger.begin({"model": {"digest": TAKEN_BACK}}, rows).number
        ledger.add(number, "committed", None, {})
        with state.writing() as rows:
            rows.execute("CREATE TRIGGER full BEFORE INSERT ON ledger BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END")
    count = {"current": "", "unready": 0, "good": "", "trial": "", "deaths": 0}
    rejected = [{"digest": TAKEN_BACK, "words": "three starts", "told": False}]
    (data / "update" / "boots.json").write_text(json.dumps({**count, "rejected": rejected}))


def no_tidying(data: Path) -> None:
    """What is half made cannot be removed: where a folder must be there is a file."""
    (data / "models").mkdir(parents=True)
    (data / "models" / ".new-half").write_text("")


@pytest.mark.parametrize("refuse", [no_row, no_tidying])
def test_a_disk_that_refuses_at_the_start_stops_updates_and_nothing_else(tmp_path: Path, refuse: object) -> None:
    made = Repository(tmp_path / "repository", expires=timedelta(days=3650))
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust" / "root.json").write_bytes(made.root)
    (tmp_path / "trust" / "assignment.json").write_text(made.keys.model_dump_json())
    assert callable(refuse)
    refuse(tmp_path / "data")
    path = config(tmp_path, PATTERN, page=None, record=None, update={"trust": str(tmp_path / "trust")})
    box = Appliance(load(path), SystemClock())
    box.start()
    box.stop()
    assert box.board.parts()["update"].state == "failed"
    assert box.updating is None
