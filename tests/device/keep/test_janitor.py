"""What goes, in which order, by which rule, and what is said when nothing may go."""

from __future__ import annotations

import errno
import logging
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import StorageError
from device.keep.janitor import Janitor
from device.pipeline.crew import Crew
from tests.clocks import T0_NS, HandClock
from tests.device.keep.fakes import DAY_NS, MB, Disk, House, MemoryShelf


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda *names, **options: House(tmp_path, monkeypatch, *names, **options)


def test_over_its_budget_a_shelf_gives_up_the_oldest_and_says_why_with_figures(house: Any) -> None:
    box = house(clips={"budget": "250 MB"})
    for number in range(4):
        box.clips.put(f"clips/yard/{number}", 100 * MB, T0_NS - (4 - number) * DAY_NS)
    box.round()
    assert box.clips.went == ["clips/yard/0", "clips/yard/1"]
    first, second = box.removals()
    assert (first.item, first.rule, first.order, first.outcome, first.bytes) == ("clips/yard/0", "budget", "oldest", "removed", 100 * MB)
    assert (first.figures.shelf_bytes, first.figures.budget_bytes) == (400 * MB, 250 * MB)
    assert "400.0 MB were more than the budget of 250.0 MB" in first.reason and second.item == "clips/yard/1"
    assert first.age_s is not None and first.age_s > 4 * 86400
    assert box.part() == ("ok", "")


def test_largest_first_where_that_was_asked_for(house: Any) -> None:
    box = house(clips={"budget": "100 MB", "order": "largest"})
    for number, size in enumerate((30, 90, 40, 20)):
        box.clips.put(str(number), size * MB, T0_NS - number)
    box.round()
    assert box.clips.went == ["1"]
    assert box.removals()[0].order == "largest"


def test_a_share_of_the_disk_is_a_budget_too(house: Any) -> None:
    box = house(clips={"budget": "10%"}, disk=Disk(total=1000 * MB))
    for number in range(3):
        box.clips.put(str(number), 60 * MB, T0_NS + number)
    box.round()
    assert box.clips.went == ["0", "1"]


def test_age_takes_what_is_older_and_nothing_else(house: Any) -> None:
    box = house(clips={"budget": None, "max_age": "30 days"})
    for days in (10, 29, 31, 200):
        box.clips.put(f"{days} days", MB, T0_NS - days * DAY_NS)
    box.round()
    assert sorted(box.clips.there) == ["10 days", "29 days"]
    assert {(r.rule, r.reason) for r in box.removals()} == {("age", "older than 30 days")}


@pytest.mark.parametrize("year", [1970, 2090])
@pytest.mark.parametrize("said", ["ntp", "rtc", "unsynced"])
def test_a_clock_that_is_wrong_removes_nothing_by_age_and_budgets_go_on(house: Any, year: int, said: Any) -> None:
    box = house(clips={"budget": "2500 kB", "max_age": "30 days"})
    box.clock.wall, box.clock.said = int((year - 1970) * 365.25 * DAY_NS), said
    for days in (10, 20, 29):
        box.clips.put(f"{days} days", MB, T0_NS - days * DAY_NS)
    box.round(50)
    assert sorted(box.clips.there) == ["10 days", "20 days"]
    (removal,) = box.removals()
    assert (removal.rule, removal.age_s, removal.clock_trusted) == ("budget", None, False)


def test_a_clock_that_was_right_and_jumps_ahead_is_not_believed_at_once(house: Any) -> None:
    box = house(clips={"budget": None, "max_age": "30 days"})
    box.clips.put("x", MB, T0_NS)
    box.round(3)
    box.clock.wall += 365 * DAY_NS
    box.round(60)
    assert not box.clips.went
    box.clock.advance(86_400)
    box.round(2)
    assert box.clips.went == ["x"]


def test_an_rtc_alone_tells_no_age(house: Any) -> None:
    box = house(clips={"budget": None, "max_age": "1 day"})
    box.clock.said = "rtc"
    box.clips.put("x", MB, T0_NS - 90 * DAY_NS)
    box.round(5)
    assert not box.clips.went


def test_what_was_stamped_by_a_wrong_clock_is_not_old_but_first_when_room_is_wanted(house: Any) -> None:
    box = house(clips={"budget": "2 MB", "max_age": "30 days"})
    box.clips.put("of 1970", MB, 12_345)
    box.clips.put("of tomorrow", MB, T0_NS + DAY_NS)
    box.round()
    assert not box.clips.went
    box.clips.put("new", MB, T0_NS)
    box.round()
    assert box.clips.went == ["of 1970"]
    assert box.removals()[0].rule == "budget" and box.removals()[0].age_s is None


def test_grace_is_for_every_rule(house: Any) -> None:
    box = house(clips={"budget": "1 MB", "min_age": "1 hour"})
    for number in range(3):
        box.clips.put(str(number), MB, box.clock.wall)
    box.round()
    assert not box.clips.went
    assert box.part()[0] == "degraded" and "everything left is pinned or must stay" in box.part()[1]
    box.clock.advance(3600)
    box.round()
    assert box.clips.went == ["0", "1"]


def test_below_the_low_mark_room_is_made_up_to_the_high_one_shelf_by_shelf(house: Any) -> None:
    box = house("clips", "salvage", "pictures", free_low="20%", free_high="30%", clips={"budget": None})
    for number in range(8):
        box.clips.put(f"c{number}", 100 * MB, T0_NS - (8 - number) * DAY_NS)
    box.shelves["salvage"].put("s", 15 * MB)
    box.shelves["pictures"].put("p", 10 * MB)
    box.round()
    assert (box.shelves["salvage"].went, box.clips.went, box.shelves["pictures"].went) == (["s"], ["c0", "c1"], [])
    removal = box.removals()[-1]
    assert (removal.rule, removal.figures.free_bytes, removal.figures.wanted_free_bytes) == ("watermark", 175 * MB, 300 * MB)
    assert (box.janitor.report().free_bytes, box.janitor.report().state) == (390 * MB, "ok")
    box.clips.put("more", 150 * MB)
    box.round(3)
    assert len(box.clips.went) == 2, "between the marks nothing goes"


def test_a_shelf_that_is_not_named_never_goes_for_others(house: Any) -> None:
    box = house("clips", "pictures", free_low="20%", free_high="30%", first=["pictures"], clips={"budget": None})
    box.clips.put("c", 900 * MB)
    box.shelves["pictures"].put("p", MB)
    box.round(3)
    assert not box.clips.went


def test_short_of_inodes_is_short_of_room(house: Any) -> None:
    box = house("pictures", inodes_low="20%", inodes_high="30%", disk=Disk(inodes=1000, files=100))
    pictures = box.shelves["pictures"]
    for number in range(750):
        pictures.put(f"{number:04d}", 10, T0_NS + number)
    box.round(3)
    assert len(pictures.there) == 600 and min(pictures.there) == "0150"
    removal = box.removals()[0]
    assert (removal.figures.free_inodes, removal.figures.wanted_free_inodes) == (150, 300)
    assert "150 more files" in removal.reason


def test_a_file_system_that_counts_no_inodes_is_not_short_of_them(house: Any) -> None:
    box = house(disk=Disk(inodes=0, files=0))
    box.clips.put("x", MB)
    box.round(3)
    assert not box.clips.went and box.janitor.report().free_inodes is None


def test_pinned_things_stay_and_a_disk_full_of_them_is_a_state_of_its_own(house: Any) -> None:
    box = house(clips={"budget": "50%"})
    for number in range(9):
        box.clips.put(str(number), 110 * MB, T0_NS - number, pinned=True)
    box.clips.put("and this", 2 * MB, T0_NS, pinned=True)
    box.clips.put("loose", 5 * MB, T0_NS + 1)
    box.round(5)
    assert box.clips.went == ["loose"]
    assert box.janitor.report().state == "pinned"
    state, reason = box.part()
    assert state == "failed" and "everything left is pinned (992.0 MB): unpin or add room" in reason
    box.clips.there = {name: replace(item, pinned=False) for name, item in box.clips.there.items()}
    box.round(3)
    assert box.part()[0] == "ok" and len(box.clips.there) == 5


def test_what_others_fill_is_not_paid_for_with_recordings_unless_recording_would_stop(house: Any) -> None:
    box = house(disk=Disk(others=935 * MB))
    for number in range(6):
        box.clips.put(str(number), 5 * MB, T0_NS + number)
    box.round(5)
    assert not box.clips.went
    assert box.janitor.report().state == "others" and "are not recordings" in box.part()[1]
    box.disk.others += 30 * MB
    box.round()
    assert box.clips.went == ["0"]
    assert box.removals()[0].figures.wanted_free_bytes == 10 * MB  # a hundredth of the disk
    box.disk.others = 0
    box.round()
    assert box.part() == ("ok", "")


def unacknowledged(box: House, count: int = 5) -> MemoryShelf:
    exports = box.shelves["exports"]
    for number in range(count):
        exports.put(f"waits {number}", 50 * MB, T0_NS - (9 - number) * DAY_NS, acknowledged=False)
    exports.put("has it", 50 * MB, T0_NS)
    return exports


def test_what_the_trainer_does_not_have_is_never_removed_unless_the_owner_says_so(house: Any) -> None:
    box = house("exports", exports={"budget": "100 MB", "max_age": "1 day"})
    exports = unacknowledged(box)
    box.round(100)
    assert exports.went == ["has it"]
    state, reason = box.part()
    assert state == "degraded" and "250.0 MB of them not acknowledged by the trainer" in reason and "removed" not in reason


def test_where_the_owner_says_so_an_alert_stands_first_and_the_line_says_it(house: Any) -> None:
    box = house("exports", exports={"budget": "100 MB", "unacknowledged": "alert", "notice": "2 hours"})
    exports = unacknowledged(box)
    box.round(100)
    assert exports.went == ["has it"]
    assert "when this has stood for 2 hours the oldest of it is removed" in box.part()[1]
    box.round(30)
    assert exports.went == ["has it", "waits 0", "waits 1", "waits 2"]
    assert [r.acknowledged for r in box.removals()] == [True, False, False, False]
    unacknowledged(box)
    box.round(10)
    assert len(exports.there) == 5, "the next ones have their own notice"


def test_an_index_that_cannot_be_trusted_cleans_nothing(house: Any) -> None:
    box = house("clips", "pictures", clips={"budget": "1 MB"}, pictures={"budget": "1 MB"}, free_low="50%", free_high="60%")
    box.clips.distrusted = "the index is of another disk"
    box.clips.put("c", 700 * MB)
    for number in range(3):
        box.shelves["pictures"].put(f"p{number}", MB, T0_NS + number)
    box.round(3)
    assert not box.clips.went and box.shelves["pictures"].went[:2] == ["p0", "p1"]
    assert "nothing of clips is removed: the index is of another disk" in box.part()[1]
    assert box.janitor.report().shelves["clips"].trouble == "the index is of another disk"
    box.clips.distrusted = ""
    box.round(2)
    assert box.clips.went == ["c"]


def test_a_thing_that_cannot_be_removed_blocks_nothing_behind_it_and_is_tried_less_and_less(house: Any, caplog: Any) -> None:
    box = house(clips={"budget": "1 MB"})
    for number in range(200):
        box.clips.put(f"{number:03d}", MB, T0_NS + number)
    for number in range(150):
        box.clips.refuses[f"{number:03d}"] = OSError(errno.EIO, "Input/output error")
    with caplog.at_level(logging.ERROR):
        box.round(3)
    assert len(box.clips.there) == 150
    assert len([record for record in caplog.records if record.message == "the disk refused"]) == 1, "one line a kind"
    assert "clips: 149 cannot be removed" in box.part()[1] and "the disk has a fault" in box.part()[1]
    failed = [r for r in box.removals() if r.outcome == "failed"]
    assert 150 <= len(failed) <= 450 and "the disk has a fault" in failed[0].reason
    before = len(box.removals())
    box.round(20)
    assert len(box.removals()) - before < 150 * 2 * 6, "each is tried only when its time has come"
    box.clips.refuses = {}
    box.clock.advance(3600)
    box.round(2)
    assert len(box.clips.there) == 1
    box.clock.advance(120)
    box.round()
    assert box.part() == ("ok", "")


def test_a_shelf_that_cannot_be_read_is_left_and_the_others_are_cleaned(house: Any) -> None:
    box = house("clips", "pictures", clips={"budget": "1 MB"}, pictures={"budget": "1 MB"})
    box.clips.blind = StorageError("index.sqlite: disk I/O error; see the disk's state")
    box.shelves["pictures"].put("old", MB, T0_NS)
    box.shelves["pictures"].put("new", MB, T0_NS + 1)
    box.round(2)
    assert box.shelves["pictures"].went == ["old"]
    assert "clips: what is there cannot be counted" in box.part()[1]


def test_a_disk_that_tells_no_room_is_said_and_plain_budgets_hold(house: Any) -> None:
    box = house("clips", "pictures", clips={"budget": "1 MB"})
    box.disk.refuses = OSError(errno.ESTALE, "Stale file handle")
    for number in range(3):
        box.clips.put(str(number), MB, T0_NS + number)
        box.shelves["pictures"].put(str(number), 300 * MB, T0_NS + number)
    box.round(3)
    assert sorted(box.clips.there) == ["2"] and len(box.shelves["pictures"].there) == 3
    assert box.janitor.report().free_bytes is None and "Stale file handle" in box.part()[1]


def test_a_quota_that_the_free_room_does_not_show_makes_room_too(house: Any) -> None:
    box = house()
    for number in range(5):
        box.clips.put(str(number), 10 * MB, T0_NS + number)
    box.round()
    assert not box.clips.went
    error = StorageError("x: the quota is used up")
    error.__cause__ = OSError(errno.EDQUOT, "Disk quota exceeded")
    box.janitor.short_of_room(error)
    box.janitor.step()
    assert box.clips.went == ["0"]
    box.janitor.short_of_room(StorageError("x: no such thing"))
    box.janitor.step()
    assert box.clips.went == ["0"]


def test_a_writer_that_was_refused_wakes_the_janitor_at_once(house: Any) -> None:
    box = house()
    rounds = threading.Semaphore(0)
    worker = threading.Thread(target=box.janitor.run, args=(rounds.release,))
    worker.start()
    assert rounds.acquire(timeout=20)
    box.clips.put("old", 500 * MB, T0_NS)
    box.clips.put("new", 490 * MB, T0_NS + 1)
    error = StorageError("x: the disk is full; free some room")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    box.janitor.short_of_room(error)
    while not box.clips.went:
        assert rounds.acquire(timeout=20)
    box.janitor.close()
    worker.join(20)
    assert not worker.is_alive() and box.clips.went == ["old"]


def test_pressed_in_vain_it_looks_less_and_less_often(house: Any) -> None:
    box = house(disk=Disk(others=995 * MB))
    box.clips.put("kept", MB, pinned=True)
    rounds = []
    whole = box.janitor._house.round

    def counted(*args: Any) -> Any:
        rounds.append(box.clock.mono)
        return whole(*args)

    box.janitor._house.round = counted
    for _ in range(60):
        box.clock.advance(2)
        box.janitor.step()
    assert 4 <= len(rounds) <= 14


def test_a_bug_in_a_shelf_stops_the_crew_as_any_workers_does(house: Any) -> None:
    box = house()
    box.clips.blind = KeyError("a bug")
    crew = Crew(box.clock)
    crew.add("janitor", box.janitor.run, deadline_s=120)
    crew.start()
    assert crew.wait(20) and crew.crash
    assert crew.crash[0] == "janitor" and isinstance(crew.crash[1], KeyError)
    crew.stop()


def test_a_disk_call_that_hangs_shows_as_a_worker_that_is_late(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    box = house()
    reached, release = threading.Event(), threading.Event()
    answer = box.disk.statvfs

    def hangs(path: object) -> os.statvfs_result:
        reached.set()
        assert release.wait(60)
        return answer(path)

    monkeypatch.setattr(os, "statvfs", hangs)
    clock = HandClock()
    crew = Crew(clock)
    crew.add("janitor", box.janitor.run, deadline_s=120)
    crew.on_stop(box.janitor.close)
    crew.start()
    assert reached.wait(20) and crew.late() == []
    clock.advance(121)
    assert crew.late() == ["janitor"]
    release.set()
    crew.stop()


def test_the_report_says_how_long_it_will_last(house: Any) -> None:
    box = house(clips={"budget": "500 MB"}, free_low="10%")
    for hour in range(10):
        box.clips.put(str(hour), 10 * MB, T0_NS + hour)
        box.clock.advance(3600 - 61)
        box.round()
    report = box.janitor.report()
    clips = report.shelves["clips"]
    assert clips.per_day_bytes == pytest.approx(240 * MB, rel=0.15)
    assert clips.days_left == pytest.approx(400 / 240, rel=0.2) and clips.days_kept == pytest.approx(500 / 240, rel=0.2)
    assert report.days_left == pytest.approx(800 / 240, rel=0.2)
    again = box.hire()
    again.step()
    assert again.report().shelves["clips"].per_day_bytes == pytest.approx(240 * MB, rel=0.15), "it outlives a restart"
    health = again.health()
    assert (health.state, health.shelves["clips"].bytes, health.shelves["clips"].budget_bytes) == ("ok", 100 * MB, 500 * MB)


def test_before_the_first_round_there_is_a_report(house: Any) -> None:
    box = house()
    janitor: Janitor = box.hire()
    assert janitor.report().state == "ok" and janitor.report().shelves == {}


def test_a_report_shows_what_went_last_after_a_restart_too(house: Any) -> None:
    box = house(clips={"budget": "1 MB"})
    for number in range(3):
        box.clips.put(str(number), MB, T0_NS + number)
    box.round()
    assert [r.item for r in box.hire().report().last_removals] == ["0", "1"]
    assert box.janitor.report().shelves["clips"].removed_count == 2
