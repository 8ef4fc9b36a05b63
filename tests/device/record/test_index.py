"""The index says what the files say, whatever happened to it, to them, or to the process in between."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.clip import Clip
from contracts.errors import StorageError
from device.record import index as index_module
from device.record import removal
from device.record.catalog import Catalog
from device.record.index import NAME, Index
from device.record.index_file import MIGRATIONS, IndexFile
from device.record.index_rows import Filter
from device.record.keep import keep_of
from device.record.layout import manifest_of
from tests.device.record.fakes import Bench
from tests.device.record.footage import at_s, event, event_id, footage
from tests.device.record.stored import NOON, built_anew, in_line, make, opened, path_of, rel, said

STEPS = st.lists(st.tuples(st.sampled_from(["add", "pin", "unpin", "remove", "forced", "lose", "again"]), st.integers(0, 30)), max_size=40)


@given(STEPS)
@settings(max_examples=40)
def test_after_any_life_an_index_is_what_would_be_built_from_the_files(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    data = tmp_path_factory.mktemp("life")
    index = in_line(data)
    clips: dict[UUID, Clip] = {}
    for what, number in steps:
        chosen = list(clips)[number % len(clips)] if clips else None
        if what == "add":
            clip = make(data, f"{number}", NOON + timedelta(hours=number), ("left", "right")[number % 2])
            clips[clip.id] = clip
            index.add(clip, rel(data, clip))
        elif what == "again":
            index.close()
            index = in_line(data)
        elif chosen is None:
            continue
        elif what in {"pin", "unpin"}:
            index.pin(chosen, what == "pin")
        elif what == "lose":  # by hand, while nobody looks
            path_of(data, clips.pop(chosen)).unlink()
            index.catch_up(anew=True)
        else:
            remove(index, chosen, clips, force=what == "forced")
    assert said(index) == built_anew(data)
    assert {entry.id for entry in index.entries()} == set(clips)
    index.close()


def remove(index: Index, chosen: UUID, clips: dict[UUID, Clip], *, force: bool) -> None:
    pinned = index.of(chosen)[0].pinned
    if pinned and not force:
        with pytest.raises(StorageError, match="is to be kept"):
            index.remove(chosen, "test")
    else:
        assert index.remove(chosen, "test", force=force) > 0
        del clips[chosen]


def test_it_lists_as_the_catalog_does_and_more(tmp_path: Path) -> None:
    for n in range(12):
        make(tmp_path, str(n), NOON + timedelta(hours=7 * n), ("left", "l*", "right")[n % 3])
    index, catalog = in_line(tmp_path), Catalog(tmp_path)
    for filters in (
        {},
        {"limit": 3},
        {"camera": "l*"},
        {"day": "2026-11-23"},
        {"before": NOON + timedelta(hours=20)},
        {"event_id": event_id("4")},
    ):
        assert index.clips(**filters) == catalog.clips(**filters)
    assert len(index.clips()) == 12
    index.pin(index.oldest(1)[0].id, True)
    assert [stored.manifest.start for stored in index.clips(pinned=True)] == [NOON]
    assert len(index.clips(pinned=False)) == 11 and index.clips(state="recovered") == []
    assert [entry.start for entry in index.entries(-1, Filter(since=NOON + timedelta(hours=70)))] == [
        NOON + timedelta(hours=77),
        NOON + timedelta(hours=70),
    ]
    assert [entry.start for entry in index.oldest(2)] == [NOON + timedelta(hours=7), NOON + timedelta(hours=14)]
    assert [entry.start for entry in index.oldest(2, pinned=True)] == [NOON]
    index.close()


def test_before_it_is_whole_the_list_is_made_of_the_files(tmp_path: Path) -> None:
    clips = [make(tmp_path, str(n), NOON + timedelta(days=n)) for n in range(3)]
    index = opened(tmp_path)
    assert [stored.manifest.id for stored in index.clips()] == [clip.id for clip in reversed(clips)]
    assert not index.trusted and "being built" in index.trusted.reason
    with pytest.raises(StorageError, match="not removed"):
        index.remove(clips[0].id, "test")
    assert path_of(tmp_path, clips[0]).exists()
    index.close()


def test_a_recorded_clip_is_in_it_at_once(tmp_path: Path) -> None:
    index = in_line(tmp_path)
    bench = Bench(tmp_path)
    bench.recorder._finished = index.add
    bench.play(footage(), [event("new", "a", at_s(2), at_s(2.2)), event("end", "a", at_s(2), at_s(3))])
    (clip,) = bench.stop()
    (entry,) = index.entries()
    assert (entry.id, entry.sha256, tmp_path / entry.video) == (clip.id, clip.sha256, bench.videos()[0])
    assert said(index) == built_anew(tmp_path)
    index.close()


def test_only_folders_that_have_changed_are_read_again(tmp_path: Path) -> None:
    for n in range(20):
        make(tmp_path, str(n), NOON + timedelta(days=n))
    for folder in (tmp_path / "clips").glob("*/*/"):
        os.utime(folder, ns=(10**18, 10**18))  # long ago
    index = in_line(tmp_path)
    index.close()
    make(tmp_path, "new", NOON + timedelta(days=3, hours=1))
    index = opened(tmp_path)
    scan = index.catch_up()
    assert (scan.read, scan.put) == (1, 1)
    assert len(index.entries()) == 21
    index.close()


@pytest.mark.parametrize("spoil", ["torn", "text", "empty tables", "newer", "gone"])
def test_an_index_that_cannot_be_read_is_kept_aside_and_built_again(tmp_path: Path, spoil: str) -> None:
    clips = [make(tmp_path, str(n), NOON + timedelta(hours=n)) for n in range(40)]
    index = in_line(tmp_path)
    index.pin(clips[0].id, True)
    before = said(index)
    index.close()
    path = tmp_path / NAME
    if spoil == "torn":
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2 // 4096 * 4096] + os.urandom(len(whole) - len(whole) // 2 // 4096 * 4096))
    elif spoil == "text":
        path.write_bytes(b"not a database at all, but longer than a header needs to be" * 100)
    elif spoil == "empty tables":
        path.unlink()
        with sqlite3.connect(path) as foreign:
            foreign.execute("CREATE TABLE notes (text)")
            foreign.execute("PRAGMA user_version = 1")
        foreign.close()
    elif spoil == "newer":
        with sqlite3.connect(path) as newer:
            newer.execute("PRAGMA user_version = 99")
        newer.close()
    else:
        path.unlink()
    index = in_line(tmp_path)
    assert said(index) == before
    assert index.trusted
    assert (index.file.report != "") == (spoil != "gone")
    assert len(list(tmp_path.glob("index.sqlite.unreadable.*"))) == (spoil != "gone")
    assert all(path_of(tmp_path, clip).exists() for clip in clips)
    index.close()


def test_a_migration_keeps_a_copy_of_what_was_there(tmp_path: Path) -> None:
    make(tmp_path, "a")
    index = in_line(tmp_path)
    index.close()
    later = IndexFile(tmp_path / NAME, (*MIGRATIONS, "ALTER TABLE clips ADD COLUMN colour TEXT"))
    assert later.read("SELECT count(*), max(colour) FROM clips") == [(1, None)] and later.report == ""
    later.close()
    copy = sqlite3.connect(tmp_path / f"{NAME}.schema1")
    assert copy.execute("SELECT count(*) FROM clips").fetchone() == (1,)
    assert copy.execute("PRAGMA user_version").fetchone() == (1,)
    copy.close()


class Killed(BaseException):
    """The process is no more: nobody catches it."""


def dies_at(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, call: int) -> None:
    real: Callable[..., object] = getattr(owner, name)
    calls = 0

    def dying(*args: object, **more: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Killed
        return real(*args, **more)

    monkeypatch.setattr(owner, name, dying)


@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        (index_module, "remove_files", 1),  # marked
        (removal, "_unlinked", 2),  # the manifest is gone
        (removal, "_unlinked", 3),  # the video too
        (removal, "sync_folder", 1),  # all are gone, the folder is not synced
        (index_module.rows, "drop", 1),  # all but the row
    ],
    ids=["marked", "no manifest", "no video", "not synced", "row left"],
)
def test_a_removal_that_was_cut_off_anywhere_goes_on_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, call: int
) -> None:
    clips = [make(tmp_path, str(n), NOON + timedelta(hours=n)) for n in range(3)]
    index = in_line(tmp_path)
    with monkeypatch.context() as patch:
        dies_at(patch, owner, name, call)
        with pytest.raises(Killed):
            index.remove(clips[1].id, "budget")
    index.close()
    again = in_line(tmp_path)
    assert [entry.id for entry in again.entries()] == [clips[2].id, clips[0].id]
    assert again.of(clips[1].id) == []
    assert sorted(path.stem for path in (tmp_path / "clips").rglob("*.*")) == sorted(2 * [path_of(tmp_path, clips[n]).stem for n in (0, 2)])
    assert again.remove(clips[1].id, "again") == 0
    assert said(again) == built_anew(tmp_path)
    again.close()


def test_the_index_lost_in_the_middle_of_a_removal_brings_the_clip_back_rather_than_losing_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [make(tmp_path, str(n), NOON + timedelta(hours=n)) for n in range(2)]
    index = in_line(tmp_path)
    with monkeypatch.context() as patch:
        dies_at(patch, index_module, "remove_files", 1)
        with pytest.raises(Killed):
            index.remove(clips[0].id, "budget")
    index.close()
    (tmp_path / NAME).unlink()
    again = in_line(tmp_path)
    assert len(again.entries()) == 2
    again.close()


def test_what_is_gone_already_is_removed_without_a_fuss(tmp_path: Path) -> None:
    clip = make(tmp_path, "a")
    index = in_line(tmp_path)
    for path in (manifest_of(path_of(tmp_path, clip)), path_of(tmp_path, clip)):
        path.unlink()
    assert index.remove(clip.id, "test") == 0
    assert index.entries() == []
    index.close()


def test_a_pin_is_a_file_that_outlives_the_index_and_binds_even_an_index_that_has_not_seen_it(tmp_path: Path) -> None:
    clip = make(tmp_path, "a")
    index, other = in_line(tmp_path), in_line(tmp_path)
    assert other.pin(clip.id, True) == 1
    assert keep_of(path_of(tmp_path, clip)).exists()
    other.close()
    index.file._writer.execute("UPDATE clips SET pinned = 0")  # as if it had been put there by hand
    assert [entry.pinned for entry in index.of(clip.id)] == [False]
    with pytest.raises(StorageError, match="is to be kept"):
        index.remove(clip.id, "budget")
    index.close()
    (tmp_path / NAME).unlink()
    index = in_line(tmp_path)
    assert index.oldest(9) == [] and [entry.id for entry in index.oldest(9, pinned=True)] == [clip.id]
    assert index.pin(clip.id, False) == 1 and not keep_of(path_of(tmp_path, clip)).exists()
    assert index.remove(clip.id, "budget") > 0
    assert list((tmp_path / "clips").rglob("*.*")) == []
    index.close()


def test_what_is_being_removed_cannot_be_kept_any_more_and_is_in_no_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make(tmp_path, "a")
    index = in_line(tmp_path)
    with monkeypatch.context() as patch:
        dies_at(patch, index_module, "remove_files", 1)
        with pytest.raises(Killed):
            index.remove(clip.id, "budget")
    assert index.clips() == [] and index.pin(clip.id, True) == 0
    assert not keep_of(path_of(tmp_path, clip)).exists()
    index.close()


def test_a_disk_that_refuses_a_row_stops_nobody_and_the_row_comes_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = in_line(tmp_path)
    clip = make(tmp_path, "a")
    with monkeypatch.context() as patch:
        patch.setattr(index_module.rows, "put", lambda *_: (_ for _ in ()).throw(sqlite3.OperationalError("database or disk is full")))
        index.add(clip, rel(tmp_path, clip))
        assert index.entries() == [] and not index.settle()
    assert index.settle()
    assert [entry.id for entry in index.entries()] == [clip.id]
    index.close()


def test_an_index_that_breaks_while_it_is_used_is_named_distrusted_and_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make(tmp_path, "a")
    index = in_line(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(StorageError, match="malformed"):
        patch.setattr(index_module.rows, "put", lambda *_: (_ for _ in ()).throw(sqlite3.DatabaseError("database disk image is malformed")))
        with index.file.write() as write:
            index_module.rows.put(write)
    assert not index.complete and not index.trusted
    index.catch_up()
    assert index.trusted and [entry.id for entry in index.entries()] == [clip.id]
    index.close()


def test_links_are_not_clips(tmp_path: Path) -> None:
    clip = make(tmp_path, "a")
    (tmp_path / "clips" / "elsewhere").symlink_to(tmp_path / "clips" / "left")
    video = path_of(tmp_path, clip)
    video.with_name("link.mp4").symlink_to(video)
    video.with_name("link.json").symlink_to(manifest_of(video))
    index = in_line(tmp_path)
    assert [entry.video for entry in index.entries()] == [rel(tmp_path, clip)]
    index.close()


def test_the_index_is_for_its_owner(tmp_path: Path) -> None:
    in_line(tmp_path).close()
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o640
