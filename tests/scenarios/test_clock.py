"""The wall clock steps by a year in the middle of everything: what lasts is measured in media time, and nothing ends before it began."""

from __future__ import annotations

import json
import re
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from contracts.event import Event
from device.app import Appliance
from device.clock import ClockState, SystemClock
from device.config import load
from tests.scenarios.stage import config, film

YEAR_NS = 365 * 86_400 * 1_000_000_000
VISITS = ((0.5, 2.5), (9.0, 11.0))


class SteppedClock:
    """The system's, set by hand."""

    def __init__(self) -> None:
        self._system, self.ahead_ns = SystemClock(), 0

    def mono_ns(self) -> int:
        return self._system.mono_ns()

    def wall_ns(self) -> int:
        return self._system.wall_ns() + self.ahead_ns

    def state(self) -> ClockState:
        return "rtc"


@pytest.mark.timeout(90)
@pytest.mark.parametrize("step_ns", [-YEAR_NS, YEAR_NS])
def test_a_clock_that_is_set_in_the_middle_of_an_event_makes_no_nonsense(step_ns: int, tmp_path: Path) -> None:
    path = film(tmp_path / "two.mkv", VISITS, 13.0)
    clock = SteppedClock()
    box = Appliance(load(config(tmp_path, {"use": "file", "path": str(path), "pace": "realtime"})), clock)
    assert box.page
    box.start()
    try:
        heard(box, 1, "new")
        clock.ahead_ns = step_ns
        wait(lambda: len(manifests(tmp_path)) == 2)
        clips, events = page(box, "/clips"), page(box, "/events")
        health = json.loads(page(box, "/api/v1/health"))
    finally:
        box.stop()
    ends = [Event.model_validate_json(line) for line in lines(tmp_path) if '"life":"end"' in line]
    assert [(e.pts_ns - e.start_pts_ns) / 1e9 for e in ends] == pytest.approx([1.8, 1.8], abs=0.2)
    assert all(e.end and e.end >= e.start for e in ends)
    for clip in manifests(tmp_path):
        assert clip["end"] >= clip["start"]
        assert clip["end_pts_ns"] - clip["start_pts_ns"] < 10_000_000_000
    assert [float(said) for said in re.findall(r"lasting\">([\d.]+) s<", events)] == pytest.approx([1.8, 1.8], abs=0.2)
    assert [3 < float(said) < 8 for said in re.findall(r"class=\"meta wrap\">([\d.]+) s ·", clips)] == [True, True]
    assert health["system"]["uptime_s"] < 60
    assert 0 <= health["cameras"]["yard"]["frame_age_s"] < 30


def manifests(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("data/clips/*/*/*.json"))]


def lines(folder: Path) -> list[str]:
    logs = sorted((folder / "data/log").glob("events*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    return [line for log in logs for line in log.read_text().splitlines()]


def page(box: Appliance, path: str) -> str:
    assert box.page
    with urllib.request.urlopen(box.page.address + path, timeout=5) as answer:  # noqa: S310  loopback, http
        return str(answer.read().decode())


def heard(box: Appliance, count: int, life: str) -> None:
    wait(lambda: box.tally.get("yard", "events", life) >= count)


def wait(true: Any, timeout_s: float = 40) -> None:
    for _ in range(int(timeout_s / 0.05)):
        if true():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it did not happen")
