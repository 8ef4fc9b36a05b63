"""A disk is known by its name: another box's, another disk, none mounted; nothing is removed while it is unsure which one it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.disk import Disk
from contracts.errors import StorageError
from device.pipeline.board import Board
from device.record.disk import DataDisk, mount_points
from device.record.index import NAME, Index
from device.record.index_worker import IndexWorker
from tests.device.record.fakes import Bench, HandClock
from tests.device.record.footage import footage
from tests.device.record.mounts import bind, fill, mount_tmpfs, tmpfs, unmount
from tests.device.record.stored import NOON, in_line, make, opened, path_of


def begun(data: Path, device: str = "box-1", **more: object) -> DataDisk:
    disk = DataDisk(data, HandClock(), device=device, software="vedette 0.1.0", **more)
    disk.begin()
    return disk


def test_a_new_disk_gets_a_name_once(tmp_path: Path) -> None:
    first = begun(tmp_path)
    written = (tmp_path / "disk.json").read_bytes()
    said = Disk.model_validate_json(written)
    assert (said.id, said.device, said.software, said.version, said.layout) == (first.id, "box-1", "vedette 0.1.0", 1, 1)
    assert begun(tmp_path).id == first.id and first.fault() == ""
    assert (tmp_path / "disk.json").read_bytes() == written


def test_recordings_from_before_disks_had_names_are_this_boxs_when_they_say_so(tmp_path: Path) -> None:
    make(tmp_path, "a")
    assert begun(tmp_path).fault() == ""


def test_recordings_of_another_box_are_listed_and_never_removed_until_they_are_adopted(tmp_path: Path) -> None:
    clip = make(tmp_path, "a")
    index = in_line(tmp_path, device="box-2")
    assert len(index.clips()) == 1
    assert "the recordings of another box, box-1" in index.trusted.reason
    with pytest.raises(StorageError, match="reindex --adopt"):
        index.remove(clip.id, "budget")
    assert path_of(tmp_path, clip).exists()
    index.disk.adopt()
    index.catch_up(anew=True)
    assert index.trusted and index.remove(clip.id, "budget") > 0
    index.close()


def test_rows_of_another_disk_are_forgotten_and_built_anew(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for data, names in ((one, "abc"), (two, "xy")):
        for n, name in enumerate(names):
            make(data, name, NOON.replace(minute=n))
        in_line(data).close()
    (two / NAME).write_bytes((one / NAME).read_bytes())  # restored from the wrong backup
    index = opened(two)
    assert not index.trusted
    index.catch_up()
    assert index.trusted and len(index.entries()) == 2 and index.totals()["left"][0] == 2
    index.close()


@pytest.mark.parametrize("change", ["gone", "another", "nonsense", "newer"])
def test_a_disk_that_changes_under_a_running_box_is_seen_before_anything_is_removed(tmp_path: Path, change: str) -> None:
    clip = make(tmp_path, "a")
    index = in_line(tmp_path)
    assert index.trusted
    name = tmp_path / "disk.json"
    other = begun(tmp_path / "other")
    if change == "gone":
        name.unlink()
    elif change == "another":
        (tmp_path / "other" / "disk.json").replace(name)
        assert other.id != index.disk.id
    else:
        name.write_text("{" if change == "nonsense" else '{"version": 2}')
    with pytest.raises(StorageError, match=r"disk\.json"):
        index.remove(clip.id, "budget")
    assert path_of(tmp_path, clip).exists() and len(index.entries()) == 1
    index.close()


def test_a_disk_that_is_unmounted_under_a_running_box_costs_no_row_and_no_file(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with tmpfs(data):
        clip = make(data, "a")
        index = in_line(data)
        unmount(data)  # what is open stays open: the index still answers
        try:
            with pytest.raises(StorageError, match="is gone"):
                index.remove(clip.id, "budget")
            board = Board()
            IndexWorker(index, HandClock(), board).step(lambda: None)
            assert (board.parts()["index"].state, "is gone" in board.parts()["index"].reason) == ("failed", True)
            assert list(data.iterdir()) == []
        finally:
            index.close()
            assert mount_tmpfs(data)


def test_where_a_disk_should_be_mounted_and_is_not_nothing_is_named_or_made(tmp_path: Path) -> None:
    disk = begun(tmp_path, mount=tmp_path)
    assert disk.id is None and "no disk is mounted there" in disk.unmounted()
    index = Index(tmp_path, disk, HandClock())
    assert not index.trusted and index.clips() == []
    with pytest.raises(StorageError, match=r"storage\.mount"):
        index.catch_up()
    assert list(tmp_path.iterdir()) == []
    index.close()


def test_a_mounted_disk_is_what_was_asked_for(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "with space") as data:
        assert data in mount_points()
        for mount in (True, data):
            assert begun(data, mount=mount).fault() == ""
        assert begun(data / "inside", mount=data).unmounted() == ""
        assert "is not on the disk at" in begun(tmp_path, mount=data).unmounted()


def test_a_disk_too_full_for_its_name_is_cleaned_all_the_same_and_named_when_there_is_room(tmp_path: Path) -> None:
    """A box whose disk ran full before it had an index: the janitor must be able to make room."""
    with tmpfs(tmp_path / "data") as data:
        clips = [make(data, str(n), NOON.replace(minute=n), size=200_000) for n in range(5)]
        filler = fill(data)
        index = in_line(data)
        assert index.file.in_memory and "kept in memory" in index.file.report
        assert not (data / "disk.json").exists() and index.trusted
        assert index.remove(index.oldest(1)[0].id, "watermark") > 200_000
        assert not path_of(data, clips[0]).exists()
        index.catch_up()
        assert (data / "disk.json").exists() and index.trusted
        index.close()
        filler.unlink()
        again = in_line(data)
        assert not again.file.in_memory and again.trusted and len(again.entries()) == 4
        again.close()


def test_with_an_index_on_a_disk_without_a_byte_left_room_can_be_made(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "data") as data:
        clips = [make(data, str(n), NOON.replace(minute=n), size=200_000) for n in range(5)]
        index = in_line(data)
        fill(data)
        late = clips[4].model_copy(update={"state": "recovered"})
        index.add(late, index.entries(1)[0].video)  # a row that may or may not find room; nobody is stopped
        assert index.remove(clips[0].id, "watermark") > 200_000
        assert not path_of(data, clips[0]).exists()
        assert index.settle()
        assert [entry.id for entry in index.oldest(9)] == [clip.id for clip in clips[1:]]
        index.close()


def test_recording_stops_where_the_disk_was_unmounted_and_goes_on_when_it_is_there_again(tmp_path: Path) -> None:
    data, away = tmp_path / "data", tmp_path / "away"
    with tmpfs(data, "32m"):
        away.mkdir()
        bind(data, away)
        bench = Bench(data, when={"continuous": True}, require=begun(data).require)
        packets = footage(frames=400)
        bench.play(packets[:100])
        unmount(data)
        bench.play(packets[100:250])
        said = bench.board.parts()["record"]
        assert said.state == "degraded" and "disk.json is gone; mount the disk again" in said.reason
        assert list(data.iterdir()) == [], "nothing is written into the folder it was mounted at"
        bind(away, data)
        unmount(away)
        bench.play(packets[250:])
        bench.stop()
        assert bench.board.parts()["record"].state == "ok"
        assert bench.others() == [] and [clip.last_frame for clip in bench.clips][-1] == 399
