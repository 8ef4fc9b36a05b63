"""Hours are counted whole: over restarts, without a clock, without a disk; and what is sent is small."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from contracts.drift import MOST_BYTES, MOST_WINDOWS
from contracts.envelope import Envelope
from device.clock import SystemClock
from device.drift.looks import WAITING
from device.publish.stamp import Stamp
from tests.clocks import HandClock
from tests.device.drift.street import HOUR, MODEL, NOON, Rig, scene


def test_an_hour_is_told_once_when_it_is_over(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.see(3590)
    assert rig.told == []
    rig.see(30, boxes=())
    (hour,) = rig.told
    (window,) = hour.windows
    assert (hour.start.timestamp() * 1e9, hour.slot) == (NOON, f"{hour.start.hour:02}-0")
    assert (window.camera, window.model, window.frames) == ("yard", MODEL, 3600)
    assert (sum(window.classes["person"].scores), window.counts[0], window.counts[1]) == (3590, 10, 3590)
    assert window.pictures is not None
    assert window.pictures.count == 360  # the newest of each step
    now = rig.gathering.now()
    assert ([each.frames for each in now.hour], [each.frames for each in now.day]) == ([20], [3620])


def test_a_restart_goes_on_with_the_hour_it_was_in_and_tells_those_of_the_day_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.see(3620)
    rig.stop()
    assert len(rig.told) == 1
    rig.start()
    rig.see(3600)
    assert [hour.windows[0].frames for hour in rig.told] == [3600, 3600, 3600]
    assert rig.told[0] == rig.told[1]
    assert rig.told[2].start.timestamp() * 1e9 == NOON + HOUR


def test_killed_it_has_lost_five_minutes_at_most(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.see(1000)
    rig.start()  # nothing of the first was closed
    rig.see(2620)
    (hour,) = rig.told
    assert 3300 <= hour.windows[0].frames < 3600


def test_models_and_cameras_are_counted_apart(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    other = "sha256:" + "b" * 64
    rig.see(100)
    rig.see(50, camera="gate")
    rig.see(70, model=other)
    rig.clock.advance(3600)
    rig.see(20)
    (hour,) = rig.told
    assert {(each.camera, each.model): each.frames for each in hour.windows} == {
        ("yard", MODEL): 100, ("gate", MODEL): 50, ("yard", other): 70,
    }  # fmt: skip


def test_a_clock_from_1970_tells_nothing_until_it_is_right_and_then_the_true_hours(tmp_path: Path) -> None:
    rig = Rig(tmp_path, HandClock(wall=100 * 10**9, mono=100 * 10**9, said="unsynced"))
    rig.see(3600)  # up to 1970-01-01T01:01:40
    rig.see(1800)
    assert (rig.told, rig.gathering.now().dated) == ([], False)
    rig.clock.wall, rig.clock.said = NOON + 2 * HOUR - 1700 * 10**9, "ntp"  # 1700 s before a full hour
    rig.see(1800)
    frames = {round(hour.start.timestamp() * 1e9 - NOON) // HOUR: hour.windows[0].frames for hour in rig.told}
    assert sum(frames.values()) + rig.tally.get("", "drift", "undated") == 5400 + 1700
    assert set(frames) <= {-1, 0, 1}
    assert rig.gathering.now().dated


def test_what_another_boot_saw_without_a_clock_is_given_up_and_counted(tmp_path: Path) -> None:
    rig = Rig(tmp_path, HandClock(wall=100 * 10**9, mono=100 * 10**9, said="unsynced"))
    rig.see(400)
    rig.stop()
    rig.boot, rig.clock = "boot-2", HandClock()
    rig.start()
    assert rig.gathering.now().dated
    rig.gathering.step()
    rig.clock.said = "unsynced"
    rig.stop()
    rig.boot = "boot-3"
    rig.start()
    rig.gathering.step()
    rig.clock.said = "ntp"
    rig.gathering.step()
    assert rig.tally.get("yard", "drift", "undated") == 400
    assert rig.told == []


def test_a_clock_that_is_set_back_goes_on_with_the_hour_that_was_told(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.see(3620)
    rig.clock.wall = NOON + 1800 * 10**9
    rig.see(100)
    rig.clock.wall = NOON + HOUR
    rig.see(20)
    assert [hour.windows[0].frames for hour in rig.told if hour.start.timestamp() * 1e9 == NOON] == [3600, 3700]


def test_a_message_has_its_bound_whatever_was_seen(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    labels = tuple(f"{n:03}" + "\N{SNOWMAN}" * 97 for n in range(80))
    boxes = [(0.0, 0.0, 4.0 * n + 4, 9.0, n / 80, n) for n in range(80)]
    for camera in range(20):
        rig.gathering.looks.put(scene(rig.clock, boxes, camera=f"{camera:02}" + "\N{SNOWMAN}" * 62, labels=labels))
    rig.gathering.step()
    for window in rig.gathering._open.values():
        for of in window.classes.values():
            of.scores += 10**7
            of.sizes += 10**7
        window.frames += 10**7
        window.counts[3] += 10**7
    rig.clock.advance(3600)
    rig.see(20)
    stamp = Stamp(SystemClock(), "street" * 20, MODEL, "b" * 64)
    sizes = [len(stamp.wrap("drift", hour).model_dump_json().encode()) for hour in rig.told]
    assert len(sizes) == 4
    assert max(sizes) <= MOST_BYTES
    assert all(len(hour.windows) == MOST_WINDOWS and len(hour.windows[0].classes) >= 3 for hour in rig.told)
    assert rig.tally.get("19" + "\N{SNOWMAN}" * 62, "drift", "windows") > 0


def test_an_hour_of_a_usual_camera_is_small(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rng = np.random.default_rng(3)
    for _ in range(360):
        rows = [(*sorted(rng.uniform(0, 100, 2)), *rng.uniform(100, 128, 2), rng.uniform(), int(rng.integers(2))) for _ in range(4)]
        rig.see(10, [(x1, x2, y1, y2, score, kind) for x1, x2, y1, y2, score, kind in rows])
    rig.see(20)
    assert len(Stamp(SystemClock(), "street", MODEL, "b" * 36).wrap("drift", rig.told[0]).model_dump_json()) < 2200


def test_a_disk_that_refuses_costs_nothing_but_what_a_restart_would_need(tmp_path: Path) -> None:
    blocked = tmp_path / "data"
    blocked.write_text("a file where a folder should be")
    rig = Rig(blocked)
    rig.see(3620)
    assert rig.told[0].windows[0].frames == 3600
    blocked.unlink()
    rig.see(3600)
    rig.stop()
    assert sqlite3.connect(blocked / "drift.sqlite").execute("SELECT count(*) FROM windows").fetchone()[0] >= 1


def test_what_waits_is_bounded_and_keeps_one_picture_of_a_camera(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    for number in range(WAITING + 5):
        rig.gathering.looks.put(scene(rig.clock))
        rig.clock.advance(10 if number < 3 else 0)
    assert rig.tally.get("yard", "drift", "late") == 5
    taken = rig.gathering.looks.take()
    assert (len(taken.looks), len(taken.pictures)) == (WAITING, 1)


def test_farewells_and_pipelines_without_a_model_are_not_counted(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.gathering.looks.put(scene(rig.clock, seq=-1))
    rig.gathering.looks.put(scene(rig.clock, model=None))
    rig.gathering.looks.put(scene(rig.clock, status="timeout"))
    rig.gathering.step()
    (window,) = rig.gathering.now().hour
    assert (window.frames, window.unanswered, window.counts) == (1, 1, [0] * 10)


def test_the_envelope_says_what_it_is(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.see(3620)
    sent = Stamp(SystemClock(), "street", MODEL, "boot").wrap("drift", rig.told[0]).model_dump_json()
    assert Envelope.model_validate_json(sent).type == "drift.v1"


def test_a_disk_that_goes_on_refusing_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "data"
    blocked.write_text("a file where a folder should be")
    rig = Rig(blocked)
    rig.see(1000)
    assert len([record for record in caplog.records if "in memory only" in record.message]) == 1
    blocked.unlink()
    rig.see(400)
    rig.stop()
