"""Real recordings, damaged in every way there is: each is found and named, and what can be mended is; no picture is ever deleted."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import av
import pytest

from contracts.clip import Clip, Hole, group_id
from device.record.checkup import Checkup, Report
from device.record.faults import Kind
from device.record.keep import keep_of
from device.record.layout import manifest_of, write_manifest
from device.record.mend import mend
from tests.device.record.fakes import Bench, HandClock
from tests.device.record.footage import START_WALL_NS, at_s, decoded, event, footage, numbers
from tests.device.record.stored import NOON, built_anew, in_line, make, path_of, said


def recorded(data: Path) -> tuple[Path, Path]:
    """Two clips of one camera."""
    bench = Bench(data)
    told = [
        (life, name, at_s(start), at_s(t)) for name, start in (("a", 2), ("b", 8)) for life, t in (("new", start + 0.2), ("end", start + 1))
    ]
    bench.play(footage(frames=300), [event(*words) for words in told])
    assert len(bench.stop()) == 2
    first, second = bench.videos()
    return first, second


def checked(data: Path, *, quick: bool = False, running: bool = False, clock: HandClock | None = None) -> Report:
    index = in_line(data)
    try:
        return Checkup(data, index, clock or HandClock(), quick=quick, running=running).run()
    finally:
        index.close()


def kinds(report: Report) -> list[Kind]:
    return sorted(fault.kind for fault in report.faults)


def pictures(data: Path) -> int:
    """All that can still be decoded, wherever it lies."""
    videos = [path for path in data.rglob("*") if path.is_file() and ({".mp4", ".mkv", ".part"} & set(path.suffixes))]
    return sum(len(playable(path)) for path in videos)


def playable(path: Path) -> list[tuple[int, int]]:
    try:
        return decoded(path)
    except av.error.InvalidDataError:
        return []


def test_what_is_whole_has_no_faults_and_is_verified(tmp_path: Path) -> None:
    recorded(tmp_path)
    index = in_line(tmp_path)
    assert [entry.verified for entry in index.entries()] == [None, None]
    report = Checkup(tmp_path, index, HandClock()).run()
    assert (report.faults, report.clips, report.hashed, report.damaged) == ([], 2, 2, False)
    assert all(entry.verified for entry in index.entries())
    report = Checkup(tmp_path, index, HandClock(), quick=True).run()
    assert (report.faults, report.clips, report.hashed) == ([], 2, 0)
    index.close()


def flip(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1000)


def to_part(path: Path) -> None:
    manifest_of(path).unlink()
    path.rename(path.with_name(path.name + ".part"))


def both(path: Path, suffix: str) -> None:
    path.with_name(path.name + suffix).write_bytes(path.read_bytes()[:3000])


DAMAGES: list[tuple[Callable[[Path], object], Kind]] = [
    (lambda video: manifest_of(video).unlink(), "no manifest"),
    (lambda video: manifest_of(video).write_bytes(b"{"), "bad manifest"),
    (lambda video: manifest_of(video).write_bytes(b'{"version": 7}'), "bad manifest"),
    (lambda video: video.rename(video.parents[3] / "taken"), "no video"),
    (flip, "wrong hash"),
    (cut, "wrong size"),
    (lambda video: video.write_bytes(b""), "wrong size"),
    (to_part, "part"),
    (lambda video: both(video, ".copy"), "leftover"),
    (lambda video: video.with_name(f".{manifest_of(video).name}.tmp").write_bytes(b"{"), "leftover"),
]


@pytest.mark.parametrize(("spoil", "kind"), DAMAGES)
def test_each_damage_is_named_and_mended_and_nothing_that_plays_is_lost(
    tmp_path: Path, spoil: Callable[[Path], object], kind: Kind
) -> None:
    first, second = recorded(tmp_path)
    spoil(first)
    before = pictures(tmp_path)
    report = checked(tmp_path)
    assert kinds(report) == [kind] and report.damaged
    assert not report.faults[0].running

    assert mend(tmp_path, report.faults) == []
    after = checked(tmp_path)
    assert [fault.kind for fault in after.faults if fault.kind != "salvage"] == [] and not after.damaged
    assert pictures(tmp_path) >= before
    assert numbers(decoded(second)) == numbers(decoded(second)) and second.exists()
    index = in_line(tmp_path)
    assert said(index) == built_anew(tmp_path)
    index.close()


def test_a_clip_that_changed_says_recovered_and_keeps_its_events_and_its_old_manifest(tmp_path: Path) -> None:
    first, _ = recorded(tmp_path)
    old = Clip.model_validate_json(manifest_of(first).read_bytes())
    flip(first)
    mend(tmp_path, checked(tmp_path).faults)
    new = Clip.model_validate_json(manifest_of(first).read_bytes())
    assert (new.id, new.events, new.group, new.state) == (old.id, old.events, old.group, "recovered")
    assert new.sha256 != old.sha256
    (aside,) = (tmp_path / "salvage").rglob("*.json")
    assert Clip.model_validate_json(aside.read_bytes()) == old


def test_a_pin_survives_the_mending_of_its_clip(tmp_path: Path) -> None:
    first, _ = recorded(tmp_path)
    index = in_line(tmp_path)
    (clip,) = (entry for entry in index.entries() if entry.video.endswith(first.name))
    index.pin(clip.id, True)
    index.close()
    manifest_of(first).unlink()
    mend(tmp_path, checked(tmp_path).faults)
    assert keep_of(first).exists()
    index = in_line(tmp_path)
    assert [entry.id for entry in index.oldest(9, pinned=True)] == [clip.id]
    index.close()


def test_rows_and_files_that_disagree_are_named(tmp_path: Path) -> None:
    clips = [make(tmp_path, str(n), NOON + timedelta(hours=n)) for n in range(4)]
    index = in_line(tmp_path)
    for path in (path_of(tmp_path, clips[0]), manifest_of(path_of(tmp_path, clips[0]))):
        path.unlink()
    index.file._writer.execute("DELETE FROM clips WHERE id = ?", (clips[1].id.bytes,))
    write_manifest(path_of(tmp_path, clips[2]), clips[2].model_copy(update={"state": "recovered"}))
    report = Checkup(tmp_path, index, HandClock()).run()
    assert kinds(report) == ["files without row", "old row", "row without files"]
    index.catch_up(anew=True)
    assert Checkup(tmp_path, index, HandClock()).run().faults == []
    index.close()


def test_holes_gaps_salvage_and_strangers_are_told_and_are_no_damage(tmp_path: Path) -> None:
    group = group_id("recording")
    for n in (0, 1, 3):
        make(tmp_path, "r", NOON + timedelta(seconds=5 * n), group=group, segment=n)
    late = make(tmp_path, "r", NOON + timedelta(seconds=25), group=group, segment=4)
    hole = Hole(reason="reconnect", after_frame=10, from_pts_ns=22_000_000_000, until_pts_ns=23_500_000_000)
    write_manifest(path_of(tmp_path, late), late.model_copy(update={"start_pts_ns": 21_000_000_000, "holes": [hole]}))
    day = path_of(tmp_path, late).parent
    (day / "notes.txt").write_text("mine")
    (day / "odd.keep").write_text("{}")
    (day / "link.mp4").symlink_to(day)
    (tmp_path / "clips" / "readme").write_text("mine")
    (tmp_path / "salvage").mkdir()
    (tmp_path / "salvage" / "x.mp4").write_bytes(b"123")
    report = checked(tmp_path)
    assert kinds(report) == ["foreign", "foreign", "foreign", "gap", "gap", "hole", "keep without clip", "salvage"]
    assert not report.damaged
    words = {fault.kind: fault.text for fault in report.faults}
    assert words["hole"] == "1.50 s missing at 1.00 s: the camera was away"
    assert [fault.text for fault in report.faults if fault.kind == "gap"] == [
        "1 segment(s) of this recording before it are not there: removed, or lost", "1.00 s between it and the segment before",
    ]  # fmt: skip


def test_a_stream_that_began_anew_at_once_lacks_nothing(tmp_path: Path) -> None:
    clip = make(tmp_path, "r", NOON)
    hole = Hole(reason="reconnect", after_frame=10, from_pts_ns=clip.start_pts_ns, until_pts_ns=clip.start_pts_ns)
    write_manifest(path_of(tmp_path, clip), clip.model_copy(update={"holes": [hole]}))
    (fault,) = [fault for fault in checked(tmp_path).faults if fault.kind == "hole"]
    assert fault.text == "the stream begins anew and nothing is missing at 0.00 s: the camera was away"


def test_beside_a_running_appliance_what_is_being_written_is_left_to_it(tmp_path: Path) -> None:
    first, second = recorded(tmp_path)
    to_part(first)
    manifest_of(second).unlink()
    clock = HandClock()
    now_ns = clock.wall_ns()
    assert now_ns == START_WALL_NS
    os.utime(second, ns=(now_ns - 1_000_000_000,) * 2)
    report = checked(tmp_path, running=True, clock=clock)
    assert kinds(report) == ["part"] and not report.damaged
    assert mend(tmp_path, report.faults) == []
    assert first.with_name(first.name + ".part").exists()
    os.utime(second, ns=(now_ns - 120_000_000_000,) * 2)
    report = checked(tmp_path, running=True, clock=clock)
    assert kinds(report) == ["no manifest", "part"] and report.damaged


def test_a_video_that_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = recorded(tmp_path)
    real = Path.open

    def broken(self: Path, *args: object, **more: object) -> object:
        if self == first:
            raise OSError(5, "Input/output error")
        return real(self, *args, **more)

    monkeypatch.setattr(Path, "open", broken)
    report = checked(tmp_path)
    assert kinds(report) == ["cannot be read"] and "the disk has a fault" in report.faults[0].text
