"""Takes: folders, numbers, pre- and post-roll, what overlaps, what a crash leaves, what a disk refuses."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import StorageError
from contracts.takes import TakeLine, TakeLook
from device.export.verify import verify_session
from device.films import frames_of
from device.pipeline.take_log import NAME, TakeLog, read_log
from device.record import take_clip, take_recover
from device.record.take_recover import recover_takes
from tests.device.record.footage import decoded
from tests.device.record.sitting import Sitting

STEP_NS = 40_000_000


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return found


def errors(session: Path) -> list[str]:
    return [str(finding) for finding in verify_session(session, frames_of) if finding.level == "error"]


def test_a_take_holds_the_pre_roll_the_throw_and_the_post_roll_of_both_cameras(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path).play(((40, 60),), 100).stop()
    (folder,) = sitting.folders
    assert folder.name.endswith("-pitch-001")
    for clip in manifest(folder)["clips"]:
        numbers = [number for number, _ in decoded(folder / clip["file"])]
        assert numbers == list(range(25, 73)), "from the key frame before 40 - 12.5 to 60 + 12.5"
        assert (clip["begins"], clip["frames"], clip["first_frame"]) == ("at the key frame before", 48, 25)
    timing = manifest(folder)["performance_metrics"]["timing_accuracy"]
    assert timing["duration_ns"] == 20 * STEP_NS
    assert timing["pre_roll_frames_captured"] == 15
    quality = manifest(folder)["performance_metrics"]["detection_quality"]
    assert quality["camera_detections"] == {"left": 21, "right": 21}
    assert (quality["detection_rate_hz"], quality["frames_with_no_detection"]) == (pytest.approx(26.25), 0)


def test_with_key_frames_close_together_a_clip_begins_where_it_was_asked_to(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path).play(((40, 60),), 100, gop=1).stop()
    assert [clip["begins"] for clip in manifest(sitting.folders[0])["clips"]] == ["as asked"] * 2
    assert [clip["pre_roll_ms"] for clip in manifest(sitting.folders[0])["clips"]] == [pytest.approx(500, abs=40)] * 2
    assert errors(sitting.session) == []


def test_two_takes_that_overlap_have_each_its_own_clip_from_its_own_pre_roll(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, post_roll_ms=1500).play(((40, 60), (75, 90)), 150, gop=5).stop()
    first, second = sitting.folders
    spans = [[(clip["first_frame"], clip["last_frame"]) for clip in manifest(folder)["clips"]] for folder in (first, second)]
    assert spans[0] == [(25, 97)] * 2
    assert spans[1] == [(60, 127)] * 2
    assert errors(sitting.session) == []


def test_frames_that_were_never_seen_are_told_apart_from_empty_ones(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path).play(((40, 60),), 100, missing=lambda camera, n: camera == "right" and 48 <= n < 52).stop()
    left, right = manifest(sitting.folders[0])["clips"]
    assert left["holes"] == []
    assert [(hole["reason"], hole["after_frame"], hole["packets"]) for hole in right["holes"]] == [("skipped", 47, 4)]
    assert manifest(sitting.folders[0])["performance_metrics"]["detection_quality"]["camera_detections"] == {"left": 21, "right": 17}


def test_sessions_are_numbered_by_day_over_restarts_and_end_by_command_and_idleness(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path).play(((40, 60),), 100)
    assert sitting.takes.end_session() == sitting.session.name
    while sitting.takes.step():
        pass
    sitting.clock.now_ns += 10_000_000_000
    sitting.takes.step()
    assert sitting.takes.session_id is None
    assert manifest(sitting.session)["reason"] == "command"
    again = Sitting(tmp_path, session_idle_min=1).play(((40, 60),), 100)
    assert again.session.name.endswith("_002")
    again.clock.now_ns += 70_000_000_000
    again.takes.step()
    again.takes.step()
    assert (manifest(again.session)["reason"], manifest(again.session)["state"]) == ("idle", "complete")
    assert Sitting(tmp_path).play(((40, 60),), 100).stop().session.name.endswith("_003")


def test_a_crash_at_any_picture_leaves_takes_that_are_closed_by_the_next_start(tmp_path: Path) -> None:
    for cut in (44, 46, 52, 64, 71, 74):
        data = tmp_path / str(cut)
        Sitting(data).play(((40, 60),), cut)  # and never stopped: what is on the disk is what a kill leaves
        Sitting(data / "other")
        folders: list[Path] = []
        found = recover_takes(data / "recordings", folders.append)
        assert found.waiting == found.aside == []
        for folder in folders:
            Sitting(data / "new").finisher.make(folder)
        for session in (data / "recordings").glob("session-*"):
            takes = list(session.glob("session-*"))
            assert takes == folders
            # a clip of which not one fragment was on the disk is missing, and verify-export says so; nothing else may be wrong
            assert not [text for text in errors(session) if "clips of camera" not in text and "no picture" not in text], cut
        assert recover_takes(data / "recordings", folders.append).takes == [], "once is enough"


def test_a_kill_while_the_files_are_made_is_answered_by_making_them_again(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path).play(((40, 60),), 100)
    for ring in sitting.rings.values():
        ring.close()
    sitting.takes.close()
    sitting.takes.run(lambda: None)
    (folder,) = sitting.folders
    half = tmp_path / "half"
    shutil.copytree(folder, half)
    sitting.finisher.make(folder)
    whole = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (half / "detections").mkdir()
    (half / "detections" / ".left_detections.json.tmp").write_bytes(b"{")
    sitting.finisher.make(half)
    assert {path.relative_to(half): path.read_bytes() for path in half.rglob("*") if path.is_file()} == whole


def test_a_torn_line_costs_itself_and_is_told(tmp_path: Path) -> None:
    log = TakeLog(tmp_path)
    look = TakeLook(camera="left", pts_ns=1, mono_ns=1, answered=True)
    log.write(TakeLine(look=look))
    log.close()
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"look": {"camera": "le')
    log = TakeLog(tmp_path)
    log.write(TakeLine(look=look))
    log.close()
    story = read_log(tmp_path)
    assert story
    assert (len(story.looks), story.torn) == (2, 1)


def test_a_disk_that_refuses_costs_the_take_is_on_the_board_and_the_next_one_is_kept(tmp_path: Path, monkeypatch: Any) -> None:
    sitting = Sitting(tmp_path)

    def full(*_: object) -> None:
        raise StorageError("the disk is full; free some room")

    with monkeypatch.context() as patch:
        patch.setattr(take_clip.Writing, "write", full)
        sitting.play(((40, 60),), 100)
    part = sitting.board.parts()["takes"]
    assert (part.state, part.reason) == ("degraded", "the disk is full; free some room")
    assert sitting.tally.get("left", "not_kept", "take_failed") == 1
    assert sitting.folders == []
    again = Sitting(tmp_path).play(((40, 60),), 100).stop()
    assert len(again.folders) == 1
    assert errors(again.session) == []


def handles_below(folder: Path) -> list[str]:
    return [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink() and str(folder) in str(path.readlink())]


@pytest.mark.parametrize("call", ["write", "fsync", "fdatasync"])
def test_takes_that_the_disk_refuses_leave_no_file_open(tmp_path: Path, monkeypatch: Any, call: str) -> None:
    sitting = Sitting(tmp_path)
    allowed = getattr(os, call)

    def full(handle: int, *more: Any) -> Any:
        if os.fstat(handle).st_size and "/session-" in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(errno.ENOSPC, "No space left on device")
        return allowed(handle, *more)

    closing = sitting.takes._close  # where a clip is given its name

    def close(take: Any) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, call, full)
            closing(take)

    monkeypatch.setattr(sitting.takes, "_close", close)
    sitting.play(((40, 60),), 100)
    sitting.stop()
    assert sitting.tally.get("left", "not_kept", "take_failed") >= 1
    assert handles_below(tmp_path) == []


def test_an_end_that_was_given_up_is_heard_before_the_next_beginning(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("device.record.takes.WAITING", 60)
    sitting = Sitting(tmp_path)
    step, pictures = sitting.takes.step, iter(range(1000))
    monkeypatch.setattr(sitting.takes, "step", lambda: 100 <= next(pictures) < 210 or step())  # it stands still from 50 to 105
    sitting.play(((30, 55), (85, 100)), 150).stop()
    assert sitting.tally.get("left", "not_kept", "takes_late") > 0
    assert [folder.name[-3:] for folder in sitting.folders] == ["001", "002"]


def test_what_nothing_says_what_it_is_stays_where_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "session-2026-01-01_001" / "session-2026-01-01_001-pitch-001"
    folder.mkdir(parents=True)
    (folder / "left.mp4.part").write_bytes(b"x")
    empty = tmp_path / "session-2026-01-01_001" / "session-2026-01-01_001-pitch-002"
    empty.mkdir()
    found = recover_takes(tmp_path, pytest.fail)
    assert found.aside == [folder]
    assert not empty.exists()
    assert [path.name for path in folder.iterdir()] == ["left.mp4.part"]


def test_a_take_of_which_no_picture_was_safe_has_never_been_and_neither_has_its_session(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path).play(((40, 60),), 64)
    (folder,) = sitting.session.glob("session-*")
    for part in folder.glob("*.part"):
        if part.name != NAME:
            part.unlink()
    (sitting.session / ".manifest.json.tmp").write_bytes(b"{")
    found = recover_takes(tmp_path / "recordings", pytest.fail)
    assert found.takes == found.aside == [] and found.waiting == []
    assert list((tmp_path / "recordings").iterdir()) == []


def test_a_take_of_whose_log_a_piece_was_written_has_never_been(tmp_path: Path) -> None:
    folder = tmp_path / "session-2026-01-01_001" / "session-2026-01-01_001-pitch-001"
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(b'{"head": {"pitch_id": "session-')
    found = recover_takes(tmp_path, pytest.fail)
    assert found.aside == found.waiting == [] and list(tmp_path.iterdir()) == []


def test_a_session_with_something_of_the_owners_in_it_stays(tmp_path: Path) -> None:
    session = tmp_path / "session-2026-01-01_001"
    (session / "calibration").mkdir(parents=True)
    (session / "notes.txt").write_text("mine")
    assert recover_takes(tmp_path, pytest.fail).waiting == []
    assert (session / "notes.txt").exists() and (session / "calibration").exists()


def test_a_take_without_a_safe_picture_beside_a_whole_one_leaves_the_session_to_that(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path).play(((20, 30), (75, 90)), 92)
    first, second = sorted(sitting.session.glob("session-*"))
    for part in second.glob("*.part"):
        if part.name != NAME:
            part.unlink()
    folders: list[Path] = []
    recover_takes(tmp_path / "recordings", folders.append)
    assert folders == [first] and not second.exists()
    assert manifest(sitting.session)["takes"] == [first.name]


def test_a_damaged_take_does_not_stop_the_start(tmp_path: Path, monkeypatch: Any) -> None:
    Sitting(tmp_path).play(((40, 60),), 64)

    def broken(*_: object) -> None:
        raise RuntimeError("anything")

    monkeypatch.setattr(take_recover, "close_take", broken)
    assert "anything" in recover_takes(tmp_path / "recordings", pytest.fail).waiting[0]
