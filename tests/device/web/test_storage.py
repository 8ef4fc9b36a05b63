"""Storage on the page: the disk as a bar, each class in words, what was removed, whatever stands in the log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.removal import Removal
from contracts.wire import utc_from_ns
from device.web import fill, removals
from tests.device.web.conftest import Run, Running
from tests.device.web.demo import Demo
from tests.device.web.furnish import Furnished, removal, report_of, shelf

GB = 1_000_000_000


@pytest.fixture
def kept(demo: Demo) -> Iterator[Furnished]:
    demo.past(3)
    made = Furnished(demo)
    made.look()
    yield made
    made.close()


@pytest.fixture
def page(kept: Furnished, run: Run) -> Running:
    return run()


def log(data: Path, *lines: bytes, name: str = "removals.jsonl") -> None:
    (data / "log").mkdir(exist_ok=True)
    (data / "log" / name).write_bytes(b"".join(lines))


def lines(demo: Demo, count: int) -> list[bytes]:
    at = utc_from_ns(demo.clock.wall_ns())
    return [removal(number, at).model_dump_json().encode() + b"\n" for number in range(count)]


def read_all(data: Path, limit: int) -> tuple[list[Removal], int]:
    found, unreadable, place = [], 0, None
    while True:
        page = removals.page(data, limit, place)
        found, unreadable = found + page.removals, unreadable + page.unreadable
        if page.older is None:
            return found, unreadable
        assert (place is None) or removals.place_of(page.older) != place
        place = removals.place_of(page.older)


def test_the_report_of_the_janitor_is_told_to_machines_and_to_people(page: Running, kept: Furnished) -> None:
    said = page.get("/api/v1/storage").json()
    assert said["report"]["shelves"]["clips"]["count"] == 3
    assert said["disk"]["id"] == str(kept.disk.id)
    assert said["disk"]["fault"] == ""
    assert said["recorded"] == {"street": None}
    text = page.get("/storage").text
    assert 'data-shelf="sessions"' in text
    assert "This box's own disk" in text
    assert "events only" in text


def test_a_bar_covers_the_disk_from_end_to_end_without_a_gap(demo: Demo) -> None:
    pieces = fill.bar(report_of(demo))
    assert pieces[0]["x"] == 0
    assert all(abs(a["x"] + a["width"] - b["x"]) < 6 for a, b in pairwise(pieces))  # what is too thin is left out
    assert pieces[-1]["name"] == "free"
    assert pieces[-1]["x"] + pieces[-1]["width"] == pytest.approx(1000)
    assert [mark["x"] for mark in fill.marks(report_of(demo))] == [pytest.approx(952), pytest.approx(932)]
    assert fill.bar(report_of(demo, total_bytes=None)) == []


@pytest.mark.parametrize(
    ("name", "found", "words"),
    [
        ("clips", shelf(50 * GB, 5, 100 * GB, 10 * GB, None), "full in about 5 days"),
        ("clips", shelf(99 * GB, 5, 100 * GB, 10 * GB, None), "at its budget: the oldest goes as new comes, 10 days are kept"),
        ("clips", shelf(50 * GB, 5, 100 * GB, None, None), "how fast it fills is not known yet"),
        ("clips", shelf(50 * GB, 5, 100 * GB, 0, None), "nothing comes"),
        ("clips", shelf(99 * GB, 5, 100 * GB, 0, None), "at its budget"),
        ("clips", shelf(95 * GB, 5, 100 * GB, 240 * GB, None), "full in about less than an hour"),
        ("clips", shelf(5 * GB, 5, 100 * GB, GB // 100, None), "lasts more than ten years"),
        ("sessions", shelf(5 * GB, 5, None, GB, None), "no budget: bounded by the disk alone"),
        ("salvage", shelf(0, 0, GB, 0, None), "empty"),
        ("models", shelf(GB, 1, None, None, None), "only counted"),
    ],
)
def test_how_long_a_class_lasts_is_said_in_words(name: str, found: object, words: str) -> None:
    assert fill.outlook(name, found) == words  # type: ignore[arg-type]


def test_recording_that_has_stopped_is_said_first_and_on_every_page(page: Running, demo: Demo) -> None:
    assert 'data-fact="storage" data-state="ok"' in page.get("/events").text
    demo.desk.board.part("record", "failed", "the disk is full; free some room", demo.clock.wall_ns())
    demo.desk.board.part("storage", "degraded", "everything left is pinned", demo.clock.wall_ns())
    text = page.get("/storage").text
    assert "Recording has stopped" in text
    assert "the disk is full; free some room" in text
    assert 'data-fact="storage" data-state="failed"' in page.get("/events").text
    assert page.get("/api/v1/info").json()["storage"]["state"] == "failed"


def test_the_state_of_the_janitor_has_a_name(kept: Furnished, demo: Demo, run: Run) -> None:
    for state, words in fill.STATES.items():
        demo.desk = replace(demo.desk, storage=lambda state=state: report_of(demo, state=state, reason="why it is so"))  # type: ignore[misc]
        text = run().get("/storage").text
        assert words in text
        assert "why it is so" in text


def test_a_disk_that_is_not_ours_is_told(page: Running, kept: Furnished) -> None:
    other = kept.disk.path.read_text().replace("demo-box", "box-of-somebody-else")
    kept.disk.path.write_text(other)
    os.utime(kept.disk.path, ns=(1, 1))
    assert "not sure to be this box" in page.get("/storage").text
    assert "box-of-somebody-else" in page.get("/api/v1/storage").json()["disk"]["fault"]


def test_without_a_janitor_there_is_no_such_page(run: Run) -> None:
    page = run()
    assert page.get("/storage").status_code == 404
    assert page.get("/api/v1/storage").status_code == 503


def test_removals_are_paged_without_loss_or_repetition_newest_first(page: Running, kept: Furnished, demo: Demo) -> None:
    log(kept.data, *lines(demo, 57))
    seen, before = [], None
    while True:
        answer = page.get("/api/v1/storage/removals", params={"limit": 10} | ({"before": before} if before else {})).json()
        seen += [each["bytes"] for each in answer["removals"]]
        before = answer["older"]
        if before is None:
            break
    assert seen == [1_000_000 + number for number in reversed(range(57))]
    text = page.get("/storage").text
    assert "400.0 MB were more than the budget of 399.0 MB" in text
    assert 'rel="next"' in text


def test_a_place_stays_good_when_the_log_begins_a_new_file(demo: Demo, tmp_path: Path) -> None:
    every = lines(demo, 30)
    log(tmp_path, *every[:10], name="removals-000007.jsonl")
    log(tmp_path, *every[10:20])
    first = removals.page(tmp_path, 5)
    (tmp_path / "log/removals.jsonl").rename(tmp_path / "log/removals-000008.jsonl")
    log(tmp_path, *every[20:])
    assert first.older is not None
    later = removals.page(tmp_path, 50, removals.place_of(first.older))
    assert [each.bytes - 1_000_000 for each in (*first.removals, *later.removals)] == list(range(19, -1, -1))


def test_hostile_lines_are_passed_over_and_counted(demo: Demo, tmp_path: Path) -> None:
    good = lines(demo, 4)
    bad = [b"\n", b"{}\n", b"[" * 60_000 + b"\n", b"\xff\xfe\x00\n", b'{"t": 1e999}\n', b"x" * 200_000 + b"\n", good[0][:80] + b"\n"]
    mixed = [line for pair in zip(bad, [*good, *good[:3]], strict=True) for line in pair]
    log(tmp_path, *mixed, b'{"torn": ')
    found, unreadable = read_all(tmp_path, 3)
    assert len(found) == 7
    assert unreadable == len(bad) + 1


def test_a_file_without_an_end_of_line_costs_no_more_than_a_page_may(demo: Demo, tmp_path: Path) -> None:
    good = lines(demo, 2)
    log(tmp_path, good[0], b"x" * (3 * removals.MOST_BYTES), b"\n", good[1])
    found, _ = read_all(tmp_path, 10)
    assert [each.bytes for each in found] == [1_000_001, 1_000_000]


@settings(max_examples=60, deadline=None)
@given(content=st.lists(st.one_of(st.binary(max_size=40), st.just(b"\n"), st.just(b"\n\n{}\n")), max_size=30), limit=st.integers(1, 5))
def test_whatever_is_in_the_log_it_is_read_to_its_end(tmp_path_factory: pytest.TempPathFactory, content: list[bytes], limit: int) -> None:
    data = tmp_path_factory.mktemp("log")
    log(data, *content)
    found, unreadable = read_all(data, limit)
    assert found == []
    whole = b"".join(content)
    assert unreadable == whole.count(b"\n") + bool(whole and not whole.endswith(b"\n"))


@pytest.mark.parametrize("make", [lambda p: p.symlink_to("/etc/passwd"), os.mkfifo, lambda p: p.mkdir()])
def test_what_is_no_file_is_not_read(tmp_path: Path, make: object) -> None:
    (tmp_path / "log").mkdir()
    make(tmp_path / "log" / "removals.jsonl")  # type: ignore[operator]
    assert removals.page(tmp_path, 10) == removals.RemovalPage()


@pytest.mark.parametrize("place", ["1", "1-2-3", "-1-2", "1-99999999999999999", "a-b", "１-2"])
def test_a_place_that_no_page_said_is_refused(page: Running, place: str) -> None:
    assert page.get("/api/v1/storage/removals", params={"before": place}).status_code == 422


def test_a_disk_that_refuses_is_said_instead_of_an_error(page: Running, kept: Furnished) -> None:
    kept.index.file.close()
    for path in ("/storage", "/clips"):
        answer = page.get(path, headers={"accept": "text/html"})
        assert answer.status_code == 503
        assert "Not now" in answer.text
    assert "see the disk" in page.get("/api/v1/clips").json()["detail"]
