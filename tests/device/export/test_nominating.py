from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.errors import StorageError
from contracts.wire import utc_from_ns
from device.export.choice import draw
from device.export.day import Day
from device.export.nominee import Nominee
from tests.device.export.test_choice import START_NS, STEP_NS
from tests.device.export.test_doubts import shown
from tests.device.export.test_training import Outlet, lines
from vision.types import Scene

UNSURE = ((5.0, 5.0, 20.0, 20.0, 0.3, -1),)
PICTURE = np.zeros((4, 4, 3), np.uint8)
DAY = 20_000


def nominee(number: int, weight: float = 1.0, lot: float = 0.0, **more: Any) -> Nominee:
    facts = {
        "day": DAY, "lot": lot or draw("s", "yard", "day", str(number)), "weight": weight, "others": 0.0, "sure": "", "reason": "track_gap",
        "timestamp": utc_from_ns(DAY * 86_400 * 10**9 + number), "source": "yard", "states": [], "session": "s", "pts_ns": number,
        "marks": [], "ignore": [],
    }  # fmt: skip
    return Nominee(**{**facts, **more})


def results(day: Day) -> list[tuple[int, str, float]]:
    return [(each.pts_ns, reason, probability) for each, _, reason, probability in day.result()]


def test_the_best_of_a_day_wait_whatever_order_they_come_in_and_however_often_it_starts_again(tmp_path: Path) -> None:
    offered = [nominee(n, 1 + n % 3) for n in range(60)]
    one = Day(tmp_path / "one", 5)
    for each in offered:
        one.offer(each, PICTURE)
    for each in reversed(offered):
        Day(tmp_path / "two", 5).offer(each, PICTURE)
    assert results(one) == results(Day(tmp_path / "two", 5))
    best = sorted(offered, key=lambda each: -each.rank)
    assert {number for number, _, _ in results(one)} == {each.pts_ns for each in best[:5]}
    weights = {each.pts_ns: each.weight for each in offered}
    assert all(p == pytest.approx(min(1, weights[n] / best[5].rank)) for n, _, p in results(one))
    assert len(list((tmp_path / "one").glob("*.png"))) == 5


def test_weighed_by_their_probability_the_best_of_each_day_stand_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """60 days of 50 pictures, ten kept of each, heavy ones more often: what is counted of the kept is true of all of them."""
    monkeypatch.setattr("contracts.files.os.fsync", lambda _: None)  # a thousand of them are a minute
    rng = np.random.default_rng(3)
    total = heavy = kept_heavy = 0.0
    for day in range(60):
        here = Day(tmp_path / str(day), 10)
        for n in range(50):
            weight = 4.0 if rng.random() < 0.2 else 0.5
            heavy += weight > 1
            here.offer(nominee(day * 1000 + n, weight), PICTURE)
        for each, _, _, probability in here.result():
            total += 1 / probability
            kept_heavy += (each.weight > 1) / probability
    assert total == pytest.approx(3000, rel=0.1)
    assert kept_heavy == pytest.approx(heavy, rel=0.1)


def test_one_that_another_rule_keeps_stays_and_its_probability_is_that_of_either(tmp_path: Path) -> None:
    day = Day(tmp_path, 1)
    day.offer(nominee(1, 1.0, 0.5, sure="uniform", others=0.1), PICTURE)
    day.offer(nominee(2, 1.0, 0.1), PICTURE)
    day.offer(nominee(3, 1.0, 0.9), PICTURE)
    assert results(day) == [(1, "uniform", pytest.approx(1 - 0.5 * 0.9)), (2, "track_gap", pytest.approx(0.5))]


def test_what_a_crash_left_half_is_cleared_away(tmp_path: Path) -> None:
    day = Day(tmp_path, 3)
    for n in range(3):
        day.offer(nominee(n), PICTURE)
    names = sorted(path for path in tmp_path.glob("*.json") if path.name != "day.json")
    names[0].unlink()
    names[1].write_text("{")
    (tmp_path / "stray.png").write_bytes(b"x")
    again = Day(tmp_path, 3)
    assert len(again) == 1
    assert len(list(tmp_path.iterdir())) == 3
    (tmp_path / f"{names[2].stem}.png").write_bytes(b"torn")
    assert results(again) == [], "the disk lost it: said in the log, and the others are good"


def film(count: int = 40) -> list[Scene]:
    return [shown(n, UNSURE if n % 2 else ()) for n in range(count)]


REVIEW = {"per_day": 4, "apart_s": 0, "uniform_s": 10}


def test_a_film_gives_its_best_when_it_ends_and_the_same_again(tmp_path: Path) -> None:
    for place in ("one", "two"):
        with Outlet(tmp_path / place, events=(), review=REVIEW).running() as training:
            for each in film():
                training.put(each)
    first, second = lines(tmp_path / "one"), lines(tmp_path / "two")
    assert first == second
    doubted = [line for line in first if line["reason"] == "low_confidence"]
    assert len(doubted) == 4
    assert all(0 < line["sampling_probability"] < 1 and line["labels"] for line in doubted)
    with Outlet(tmp_path / "one", events=(), review=REVIEW).running() as training:
        for each in film():
            training.put(each)
    assert lines(tmp_path / "one") == first


def test_of_a_box_the_day_goes_on_after_a_restart_and_ends_with_the_next(tmp_path: Path) -> None:
    def now(scene: Scene, days: int = 0) -> Scene:
        wall_ns = outlet.training._clock.wall_ns() + days * 86_400 * 10**9
        return replace(scene, frame=replace(scene.frame, wall_ns=wall_ns))

    for part in (film()[:20], film()[20:]):
        outlet = Outlet(tmp_path, lossless=False, events=(), review=REVIEW)
        for each in part:
            outlet.training.look(now(each))
        assert not (tmp_path / "dataset" / "manifest.jsonl").exists() or all(line["reason"] == "uniform" for line in lines(tmp_path))
    outlet.training.look(now(shown(99), days=2))
    assert sum(line["reason"] == "low_confidence" for line in lines(tmp_path)) == 4
    assert not list((tmp_path / "queue").glob("*.png"))
    outlet.training.opened().close()


def test_a_full_disk_at_the_end_of_the_day_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outlet = Outlet(tmp_path, events=(), review={**REVIEW, "uniform_s": 0})
    for each in film():
        outlet.training.look(each)

    def full(*_: object) -> None:
        raise StorageError("the disk is full; free some room")

    with monkeypatch.context() as patch:
        patch.setattr("dataset.store.Store.commit", full)
        outlet.training._settle_day(None)
    assert "the disk is full" in outlet.board.parts()["export"].reason
    outlet.training._retry_ns = 0
    outlet.training._settle_day(None)
    assert outlet.board.parts()["export"].state == "ok"
    assert len(lines(tmp_path)) == 4
    outlet.training.opened().close()


def test_what_waits_is_masked_already(tmp_path: Path) -> None:
    left = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
    outlet = Outlet(tmp_path, events=(), review=REVIEW, masks={"yard": [left]})
    outlet.training.look(shown(1, UNSURE))
    (note,) = [path for path in (tmp_path / "queue").glob("*.json") if path.name != "day.json"]
    said = json.loads(note.read_text())
    assert said["ignore"][0]["reason"] == "mask"
    assert said["day"] == (START_NS + STEP_NS) // (86_400 * 10**9)
    outlet.training._settle_day(None)
    (line,) = [each for each in lines(tmp_path) if each["reason"] == "low_confidence"]
    assert line["ignore"][0]["reason"] == "mask"
    outlet.training.opened().close()


def test_a_box_that_looks_for_nothing_makes_no_folder(tmp_path: Path) -> None:
    with Outlet(tmp_path, review={"per_day": 0}).running() as training:
        for each in film():
            training.put(each)
    assert not (tmp_path / "queue").exists()
