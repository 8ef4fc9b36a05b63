"""A real box that is killed while it proves a model, and started as systemd does: the last good or the trial serves, never none."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from contracts.update import Model
from device.update.boots import Boots
from device.update.slots import Slots
from tests.device.update.box import bundle
from tests.device.update.repository import Repository
from tests.scenarios.stage import ROOT, Box, config
from vision.bundle import StoredBundle

NOW = datetime.now(timezone.utc)
PATTERN = {"use": "pattern", "width": 320, "height": 240, "fps": 10, "pace": "realtime"}
pytestmark = pytest.mark.timeout(240)


class Killed:
    """A box with a stick in it that assigns a new model."""

    def __init__(self, folder: Path, **prove: Any) -> None:
        self.factory: StoredBundle = bundle(folder / "bundles" / "white-box", "1.0.0")
        repository = Repository(folder / "stick", expires=timedelta(days=3650))
        (folder / "trust").mkdir()
        (folder / "trust" / "root.json").write_bytes(repository.root)
        (folder / "trust" / "assignment.json").write_text(repository.keys.model_dump_json())
        self.model: Model = repository.release(bundle(folder / "v2.vdb", "2.0.0"))
        repository.publish(expires=NOW + timedelta(days=30))
        (folder / "stick" / "desired").mkdir(exist_ok=True)
        assignment = repository.assign(self.model, expires=NOW + timedelta(days=2))
        (folder / "stick" / "desired" / "edge01.json").write_bytes(assignment)
        limits = {"looks": 8, "p95_ms": 5000, "shadow_frames": 2, "trial_frames": 2, **prove}
        path = config(
            folder, PATTERN, record=None, device_id="edge01", model={"folders": [str(folder / "bundles")], "trial_s": 100},
            pipeline={"detect": {"bundle": "white-box"}},
            update={"trust": str(folder / "trust"), "folders": [str(folder / "stick")], "retry_min_s": 0.05, "prove": limits},
        )  # fmt: skip
        self.box = Box(path)
        self.boots, self.slots = Boots(self.box.data), Slots(self.box.data / "models")

    def start(self) -> None:
        guard = [sys.executable, "-m", "device.main", "boot-guard", "--data", str(self.box.data)]
        assert subprocess.run(guard, cwd=ROOT, timeout=60, check=False).returncode == 0
        self.box.start()

    def states(self) -> list[tuple[str, str | None]]:
        """Of the ledger, as another process sees it."""
        path = self.box.data / "update" / "state.sqlite"
        try:
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        except sqlite3.OperationalError:
            return []
        try:
            return [(state, code) for state, code in connection.execute("SELECT state, code FROM ledger ORDER BY id")]
        except sqlite3.OperationalError:
            return []
        finally:
            connection.close()

    def killed_in(self, state: str) -> None:
        """Start, and die as soon as it is there."""
        before = [name for name, _ in self.states()].count(state)
        self.start()
        self.box.until(lambda: [name for name, _ in self.states()].count(state) > before, 100)
        if state in {"shadow", "trial"}:
            self.box.until(lambda: self.boots.count().trial == self.model.digest, 100)
        self.box.stop(signal.SIGKILL)


@pytest.fixture
def boxes() -> Iterator[list[Killed]]:
    made: list[Killed] = []
    yield made
    for each in made:
        if each.box.process and each.box.process.poll() is None:
            each.box.process.kill()
            each.box.process.wait(10)


@pytest.mark.soak
def test_killed_in_its_self_test_and_its_shadow_it_goes_on_and_ends_with_the_new_model(tmp_path: Path, boxes: list[Killed]) -> None:
    boxes.append(killed := Killed(tmp_path, shadow_s=2, trial_s=2))
    for state in ("selftest", "shadow"):
        killed.killed_in(state)
        assert killed.slots.linked("current") == killed.factory.digest
    killed.start()
    killed.box.until(lambda: ("committed", None) in killed.states(), 100)
    assert killed.slots.linked("current") == killed.model.digest
    assert killed.boots.count().good == killed.factory.digest
    assert killed.box.stop() == 0
    killed.start()
    killed.box.until(lambda: killed.boots.count().good == killed.model.digest, 60)
    assert killed.box.stop() == 0
    assert killed.boots.count().unready == 0


def test_a_model_with_which_the_box_dies_three_times_is_rejected_and_the_old_one_serves(tmp_path: Path, boxes: list[Killed]) -> None:
    boxes.append(killed := Killed(tmp_path, shadow_s=0, trial_s=600))
    for _ in range(3):
        killed.killed_in("trial")
        assert killed.slots.linked("current") == killed.factory.digest
    killed.start()
    killed.box.until(lambda: ("rejected", "E_CRASHLOOP") in killed.states(), 100)
    assert killed.slots.linked("current") == killed.factory.digest
    assert killed.boots.rejects(killed.model.digest)
    assert killed.box.stop() == 0
