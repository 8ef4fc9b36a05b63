"""A real box with a stick that assigns configurations: `vedette run` as a process, its check in a child, its restart by itself."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from device.update.config_slots import Revisions
from tests.device.update.box import bundle
from tests.device.update.repository import Repository
from tests.scenarios.stage import ROOT, Box, config, run_vedette

NOW = datetime.now(timezone.utc)
PATTERN = {"use": "pattern", "width": 320, "height": 240, "fps": 10, "seconds": 0, "pace": "realtime"}
pytestmark = pytest.mark.timeout(300)
ZONE = "cameras: {yard: {zones: {gate: {points: [[0, 0], [1, 0], [0, 1]]}}}}\n"


class Stick:
    """A box, and what is plugged into it."""

    def __init__(self, folder: Path) -> None:
        bundle(folder / "bundles" / "white-box", "1.0.0")
        self.folder, self.repository = folder, Repository(folder / "stick", expires=timedelta(days=3650))
        (folder / "trust").mkdir()
        (folder / "trust" / "root.json").write_bytes(self.repository.root)
        (folder / "trust" / "assignment.json").write_text(self.repository.keys.model_dump_json())
        path = config(
            folder, PATTERN, record=None, pictures=None, device_id="edge01", cameras={"yard": PATTERN, "roof": PATTERN},
            model={"folders": [str(folder / "bundles")], "trial_s": 0},
            pipeline={"detect": {"bundle": "white-box"}, "last": {"use": "tests.device.update.fatal:Fatal"}},
            update={
                "trust": str(folder / "trust"), "folders": [str(folder / "stick")], "retry_min_s": 0.05, "retry_max_s": 0.2,
                "config": {"trial_s": 3, "wait_s": 100},
            },
        )  # fmt: skip
        self.box = Box(path)
        self.revisions = Revisions(self.box.data)

    def assigns(self, text: str, rev: int) -> str:
        revision = self.repository.release_config(text, rev)
        self.repository.publish(expires=NOW + timedelta(days=30))
        desired = self.folder / "stick" / "desired"
        desired.mkdir(exist_ok=True)
        (desired / "edge01.json").write_bytes(self.repository.assign(None, config=revision, expires=NOW + timedelta(days=2)))
        return revision.sha256

    def start(self) -> None:
        """As systemd does it; the box may end at once."""
        guard = [sys.executable, "-m", "device.main", "boot-guard", "--data", str(self.box.data)]
        assert subprocess.run(guard, cwd=ROOT, timeout=60, check=False).returncode == 0
        self.box.start(timeout_s=120)

    def rows(self) -> list[tuple[str, str | None, str]]:
        """Of the ledger, as another process sees it."""
        try:
            connection = sqlite3.connect(f"file:{self.box.data / 'update' / 'state.sqlite'}?mode=ro", uri=True)
        except sqlite3.OperationalError:
            return []
        try:
            rows = connection.execute("SELECT state, code, body FROM ledger ORDER BY id").fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            connection.close()
        return [(state, code, json.loads(body)["words"]) for state, code, body in rows]

    def ended(self, count: int) -> tuple[str, str | None, str]:
        """How the n-th assignment ended."""

        def ends() -> list[tuple[str, str | None, str]]:
            return [row for row in self.rows() if row[0] in {"committed", "rejected"}]

        self.box.until(lambda: len(ends()) >= count, 120)
        return ends()[-1]

    def up(self) -> None:
        self.box.until(lambda: self.box.health().get("cameras", {}).get("yard", {}).get("state") == "online", 60)

    def layers(self) -> dict[str, Any]:
        run = run_vedette("check", "--config", str(self.box.yaml), "--no-probe", "--layers", "--json", folder=self.folder)
        return {row["key"]: row["layer"] for row in json.loads(run.stdout)["layers"]}


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Stick]:
    made = Stick(tmp_path)
    yield made
    if made.box.process and made.box.process.poll() is None:
        made.box.process.kill()
        made.box.process.wait(10)


def test_a_zone_comes_by_push_and_goes_again_by_hand(stick: Stick, tmp_path: Path) -> None:
    stick.start()
    stick.up()
    good = stick.assigns(ZONE, 1)
    assert stick.ended(1)[:2] == ("committed", None)
    assert (stick.revisions.linked("current"), stick.revisions.linked("good")) == (good, good)
    assert stick.box.ask("/api/v1/zones")["yard"]["gate"] == [[0, 0], [1, 0], [0, 1]]
    assert stick.box.stop() == 0
    assert (
        "no pushed configuration is in force" in run_vedette("config", "--config", str(stick.box.yaml), "rollback", folder=tmp_path).stdout
    )
    assert "cameras.yard.zones.gate.points" not in stick.layers()


@pytest.mark.soak
def test_one_with_which_a_camera_ends_is_taken_back_and_the_one_before_runs(stick: Stick, tmp_path: Path) -> None:
    stick.start()
    stick.up()
    good = stick.assigns(ZONE, 1)
    assert stick.ended(1)[:2] == ("committed", None)
    stick.up()
    assert stick.layers()["cameras.yard.zones.gate.points"] == "pushed"
    stick.assigns("cameras: {yard: {use: pattern, pace: realtime, seconds: 0.4}}\n", 2)
    state, code, words = stick.ended(2)
    assert (state, code) == ("rejected", "E_QUALITY") and "camera yard was online before" in words, words
    stick.box.until(lambda: stick.revisions.linked("current") == good)
    stick.up()
    listed = json.loads(run_vedette("config", "--config", str(stick.box.yaml), "ls", "--json", folder=tmp_path).stdout)
    assert [(row["digest"], row["links"], row["rev"]) for row in listed] == [(good, ["current", "good"], 1)]
    assert run_vedette("config", "--config", str(stick.box.yaml), "show", folder=tmp_path).stdout == ZONE


@pytest.mark.soak
def test_what_check_refuses_never_stops_the_box(stick: Stick) -> None:
    stick.start()
    stick.up()
    bad = {
        "detection_fsp: 1\n": "did you mean `detection_fps`",
        "a: [\n": "not valid YAML",
        "mqtt: {host: evil}\n": "no pushed revision may change it",
        "cameras: {far: {use: rtsp, url: 'rtsp://127.0.0.1:9/x'}}\n": "camera far",
        "pipeline: {detect: {bundle: nothing-like-it}}\n": "nothing-like-it",
    }
    process = stick.box.process
    for number, (text, words) in enumerate(bad.items(), 1):
        stick.assigns(text, number)
        state, code, said = stick.ended(number)
        assert (state, code) == ("rejected", "E_CONFIG") and words in said, said
    assert process is not None and process.poll() is None and stick.revisions.linked("current") is None
    assert not [row for row in stick.rows() if row[0] == "trial"]


@pytest.mark.soak
def test_one_with_which_the_box_ends_at_its_start_is_taken_back_by_the_boot_guard(stick: Stick) -> None:
    stick.start()
    stick.up()
    stick.assigns("pipeline: {last: {fatal: true}}\n", 1)
    assert stick.box.process is not None
    assert stick.box.process.wait(100) == 9  # it took its own place with it, and died
    guard = [sys.executable, "-m", "device.main", "boot-guard", "--data", str(stick.box.data)]
    command = [sys.executable, "-m", "device.main", "run", "--config", str(stick.box.yaml)]
    for _ in range(3):
        assert subprocess.run(guard, cwd=ROOT, timeout=60, check=False).returncode == 0
        assert subprocess.run(command, cwd=ROOT, timeout=60, check=False, capture_output=True).returncode == 9
    stick.start()
    assert stick.ended(1)[:2] == ("rejected", "E_CRASHLOOP")
    stick.up()
    assert stick.revisions.linked("current") is None and stick.box.stop() == 0


@pytest.mark.soak
@pytest.mark.parametrize("state", ["preflight", "trial"])
def test_killed_on_its_way_the_box_goes_on_and_ends_with_it(state: str, stick: Stick) -> None:
    stick.start()
    stick.up()
    digest = stick.assigns(ZONE, 1)
    stick.box.until(lambda: state in [row[0] for row in stick.rows()], 100)
    stick.box.stop(signal.SIGKILL)
    stick.start()
    assert stick.ended(1)[:2] == ("committed", None)
    assert stick.revisions.linked("good") == digest
