"""The event log: equal runs are equal bytes, a torn line is cut, a full disk costs nothing."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.canonical import canonical
from contracts.errors import StorageError
from contracts.event import Event
from contracts.eventlog import LogHeader
from contracts.wire import utc_from_ns
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.publish.eventlog import EventLog, Options
from device.publish.log_lines import line, mend, read_log
from tests.clocks import T0_NS, HandClock
from tests.device.publish.fakes import event


def header(clock: HandClock, **changes: Any) -> LogHeader:
    values = {"device": "edge01", "profile": "street", "source": "a.mkv", "processed_at": utc_from_ns(clock.wall), **changes}
    return LogHeader(**values)


def opened(path: Path, clock: HandClock | None = None, board: Board | None = None, **options: Any) -> EventLog:
    clock = clock or HandClock()
    return EventLog(path, header(clock), clock, board=board or Board(), tally=Tally(), options=Options(**options))


def read(path: Path) -> list[Event]:
    return list(read_log(path)[1])


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = opened(path)
    for number in range(1, 4):
        log.add(event(number), 0)
    log.finish()
    assert read_log(path)[0] == header(HandClock())
    assert read(path) == [event(n) for n in range(1, 4)]


def test_two_runs_differ_in_the_time_of_processing_only(tmp_path: Path) -> None:
    contents = []
    for run in range(2):
        clock = HandClock(wall=T0_NS + run * 10**12)
        log = opened(tmp_path / f"{run}.jsonl", clock)
        log.add(event(1, confidence=0.1 + 0.2, data={"b": 1, "a": [1e-9, -0.0]}), 0)
        log.finish()
        contents.append((tmp_path / f"{run}.jsonl").read_bytes().splitlines())
    assert contents[0][1:] == contents[1][1:]
    first, second = (json.loads(lines[0]) for lines in contents)
    assert first.pop("processed_at") != second.pop("processed_at")
    assert first == second


def test_floats_are_rounded_and_keys_sorted() -> None:
    assert canonical({"b": 0.1 + 0.2, "a": -0.0, "c": [1e-12, 2, True, None, "é"], "d": float("nan")}) == (
        '{"a":0.0,"b":0.3,"c":[0.0,2,true,null,"é"],"d":null}\n'.encode()
    )


VALUES = st.floats(-1e6, 1e6) | st.text(max_size=5) | st.lists(st.floats(-1, 1), max_size=3)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5))
def test_canonical_is_a_fixed_point(value: dict[str, Any]) -> None:
    once = canonical(value)
    assert canonical(json.loads(once)) == once
    assert once.count(b"\n") == 1


def test_a_torn_last_line_is_cut_and_reported_and_the_log_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = opened(path)
    log.add(event(1), 0)
    log.finish()
    whole = path.read_bytes()
    path.write_bytes(whole + line(event(2))[:40])
    assert read(path) == [event(1)], "the reader leaves a torn line out"
    again = opened(path)
    assert "40 bytes were cut off" in again.report
    again.add(event(3), 0)
    again.finish()
    assert read(path) == [event(1), event(3)]


@given(cut=st.integers(0, 2000))
def test_a_log_cut_anywhere_keeps_its_whole_lines(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    whole = canonical(header(HandClock()).model_dump(mode="json")) + line(event(1)) + line(event(2))
    path.write_bytes(whole[:cut])
    mend(path)
    assert path.read_bytes() == whole[: whole[:cut].rfind(b"\n") + 1]


def test_kill_dash_nine_leaves_a_log_that_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    script = (
        "import sys; from pathlib import Path; from itertools import count\n"
        "from tests.device.publish.test_eventlog import opened; from tests.device.publish.fakes import event\n"
        "log = opened(Path(sys.argv[1]))\n"
        "for n in count(1):\n    log.add(event(n), 0)\n    n % 50 or print(n, flush=True)\n"
    )
    root = Path(__file__).parents[3]
    child = subprocess.Popen([sys.executable, "-c", script, str(path)], cwd=root, stdout=subprocess.PIPE, text=True)
    assert child.stdout
    said = [int(child.stdout.readline()) for _ in range(20)][-1]
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    log = opened(path)
    log.add(event(999_999), 0)
    log.finish()
    numbers = [e.frame_number for e in read(path)]
    assert numbers == [*range(1, len(numbers)), 999_999]
    assert len(numbers) > said


def test_a_log_of_another_origin_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    opened(path).finish()
    clock = HandClock()
    EventLog(path, header(clock, profile="shelf"), clock, board=Board(), tally=Tally()).finish()
    assert len(list(tmp_path.glob("events-*.jsonl"))) == 1
    assert read_log(path)[0].profile == "shelf"


def test_it_rotates_by_size_and_keeps_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    clock = HandClock()
    log = opened(path, clock, rotate="daily", max_bytes=4096, keep_files=2)
    for number in range(1, 41):
        log.add(event(number), 0)
    log.finish()
    files = [*sorted(tmp_path.glob("events-*.jsonl")), path]
    assert len(files) == 3
    numbers = [e.frame_number for file in files for e in read(file)]
    assert numbers == list(range(numbers[0], 41)), "in order, each file whole with its own header"


def test_it_rotates_with_the_day(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    clock = HandClock()
    log = opened(path, clock, rotate="daily")
    log.add(event(1), 0)
    clock.advance(86_400)
    log.add(event(2), 0)
    log.finish()
    (yesterday,) = tmp_path.glob("events-*.jsonl")
    assert ([e.frame_number for e in read(yesterday)], [e.frame_number for e in read(path)]) == ([1], [2])


def test_lines_are_forced_to_the_disk_once_a_second(tmp_path: Path) -> None:
    clock = HandClock()
    log = opened(tmp_path / "events.jsonl", clock)
    log.commit()
    assert log.due_in_s() == float("inf")
    log.add(event(1), 0)
    assert log.due_in_s() == 1
    clock.advance(1)
    assert log.due_in_s() == 0
    log.commit()
    assert log.due_in_s() == float("inf")
    log.finish()


def test_a_full_disk_leaves_whole_lines_and_they_follow_when_there_is_room(tmp_path: Path) -> None:
    path, board, clock = tmp_path / "events.jsonl", Board(), HandClock()
    log = opened(path, clock, board)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))  # a file cannot grow beyond: a write is cut short, as on a full disk
        for number in range(1, 11):
            log.add(event(number), 0)
        assert board.parts()["event_log"].state == "failed"
        torn = path.read_bytes()
        assert torn.endswith(b"\n")
        assert len(torn) <= 2000
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert 0 < log.due_in_s() <= 1
    log.commit()
    assert board.parts()["event_log"].state == "ok"
    log.finish()
    assert [e.frame_number for e in read(path)] == list(range(1, 11))


def test_a_folder_that_cannot_be_written_is_reported_and_waited_for(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    board = Board()
    log = opened(tmp_path / "logs" / "events.jsonl", board=board)
    log.add(event(1), 0)
    assert board.parts()["event_log"].state == "failed"
    os.unlink(tmp_path / "logs")  # noqa: PTH108 - one word
    log.commit()
    log.finish()
    assert read(tmp_path / "logs" / "events.jsonl") == [event(1)]


@pytest.mark.parametrize(("content", "named"), [(b"hello\n", "line 1"), (None, "line 2")])
def test_a_file_that_is_no_log_is_named_with_its_line(tmp_path: Path, content: bytes | None, named: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content or canonical(header(HandClock()).model_dump(mode="json")) + b"{}\n")
    with pytest.raises(StorageError, match=named):
        read(path)


def test_a_log_that_is_a_link_is_neither_cut_nor_written_to(tmp_path: Path) -> None:
    """Its lines wait in memory, and the part says why."""
    (tmp_path / "precious").write_bytes(b"precious, without an end of line")
    (tmp_path / "events.jsonl").symlink_to(tmp_path / "precious")
    board = Board()
    log = opened(tmp_path / "events.jsonl", board=board)
    log.add(event(1), 0)
    log.finish()
    assert (tmp_path / "precious").read_bytes() == b"precious, without an end of line"
    assert "is a symbolic link, and none is followed; remove it" in board.parts()["event_log"].reason


def test_a_log_is_not_for_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        opened(tmp_path / "events.jsonl").finish()
    finally:
        os.umask(before)
    assert (tmp_path / "events.jsonl").stat().st_mode & 0o777 == 0o640


def test_a_log_of_before_stages_were_named_is_read_and_a_new_one_begun_beside_it(tmp_path: Path) -> None:
    """What decided its events is not known to be the same."""
    path = tmp_path / "events.jsonl"
    old = header(HandClock()).model_dump(mode="json")
    del old["stages"]
    path.write_bytes(canonical(old) + line(event(1)))
    assert (read_log(path)[0].stages, [e.frame_number for e in read(path)]) == ({}, [1])
    clock = HandClock()
    first = header(clock, stages={"detect": {"model": "sha256:00"}})
    log = EventLog(path, first, clock, board=Board(), tally=Tally())
    log.add(event(2), 0)
    log.finish()
    assert read_log(path)[0].stages == {"detect": {"model": "sha256:00"}}
    (aside,) = tmp_path.glob("events-*.jsonl")
    assert [e.frame_number for e in read(aside)] == [1]


def test_a_log_of_before_stages_were_named_goes_on_where_no_stage_has_anything_to_name(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    old = header(HandClock()).model_dump(mode="json")
    del old["stages"]
    path.write_bytes(canonical(old) + line(event(1)))
    log = opened(path)
    log.add(event(2), 0)
    log.finish()
    assert [e.frame_number for e in read(path)] == [1, 2]


def digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


def seen_by(letter: str, number: int) -> Event:
    return event(number, model=digest(letter))


def of_model(path: Path, clock: HandClock, **options: Any) -> EventLog:
    first = header(clock, model=digest("a"), engine="one")
    return EventLog(path, first, clock, board=Board(), tally=Tally(), options=Options(**options))


def told(folder: Path) -> list[tuple[str, str, list[int]]]:
    """Of each file, the oldest first: its model, since when, and its events."""
    files = [*sorted(folder.glob("events-*.jsonl")), folder / "events.jsonl"]
    heads = [(read_log(file)[0], [each.frame_number for each in read(file)]) for file in files]
    return [((head.model or "")[7:8], f"{head.processed_at:%H:%M}", numbers) for head, numbers in heads]


def test_the_first_event_of_another_model_begins_a_file_that_says_which_and_since_when(tmp_path: Path) -> None:
    clock = HandClock()
    log = of_model(tmp_path / "events.jsonl", clock)
    began, changed = f"{utc_from_ns(clock.wall):%H:%M}", f"{utc_from_ns(clock.wall + 60 * 10**9):%H:%M}"
    log.add(seen_by("a", 1), 0)
    clock.advance(60)
    log.serves(digest("b"), "two", {"detect": {"model": digest("b")}})
    clock.advance(60)
    for number, letter in enumerate("aabb", 2):  # frames that were at the old model when it was changed come out of it first
        log.add(seen_by(letter, number), 0)
    log.finish()
    assert told(tmp_path) == [("a", began, [1, 2, 3]), ("b", changed, [4, 5])]
    newest = read_log(tmp_path / "events.jsonl")[0]
    assert (newest.engine, newest.stages) == ("two", {"detect": {"model": digest("b")}})


def test_a_model_that_was_taken_back_before_it_had_an_event_leaves_no_file(tmp_path: Path) -> None:
    clock = HandClock()
    log = of_model(tmp_path / "events.jsonl", clock)
    log.add(seen_by("a", 1), 0)
    for letter in "ba":
        log.serves(digest(letter), "two", {})
    log.add(seen_by("a", 2), 0)
    log.finish()
    assert [(model, numbers) for model, _, numbers in told(tmp_path)] == [("a", [1, 2])]


def test_a_log_without_an_event_becomes_that_of_the_model_whose_event_is_its_first(tmp_path: Path) -> None:
    clock = HandClock()
    log = of_model(tmp_path / "events.jsonl", clock)
    log.serves(digest("b"), "two", {})
    log.add(seen_by("b", 1), 0)
    log.finish()
    assert [(model, numbers) for model, _, numbers in told(tmp_path)] == [("b", [1])]


def test_an_event_that_was_of_the_old_model_to_its_end_turns_nothing_back(tmp_path: Path) -> None:
    log = of_model(tmp_path / "events.jsonl", HandClock())
    log.add(seen_by("a", 1), 0)
    log.serves(digest("b"), "two", {})
    for number, letter in enumerate("bab", 2):
        log.add(seen_by(letter, number), 0)
    log.finish()
    assert [(model, numbers) for model, _, numbers in told(tmp_path)] == [("a", [1]), ("b", [2, 3, 4])]


def test_lines_that_a_disk_did_not_take_go_into_the_file_of_their_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And when the oldest are lost, the models of those that are left are not."""
    path, clock = tmp_path / "events.jsonl", HandClock()
    log = of_model(path, clock)
    log.add(seen_by("a", 1), 0)
    real = os.write
    monkeypatch.setattr("device.publish.eventlog.MAX_UNWRITTEN", 4)
    monkeypatch.setattr(os, "write", lambda handle, content: real(handle, content) if len(content) < 9 else 0)
    log.add(seen_by("a", 2), 0)
    log.serves(digest("b"), "two", {})
    for number in range(3, 8):
        log.add(seen_by("b", number), 0)
    monkeypatch.undo()
    clock.advance(2)
    log.commit()
    log.finish()
    assert [(model, numbers) for model, _, numbers in told(tmp_path)] == [("a", [1]), ("b", [5, 6, 7])]
