"""Files on a real disk: no link is followed, nothing open is taken, every call of the system may fail."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.removal import Order
from device.keep.files import FileShelf
from device.keep.folder import opened, remove_file
from device.keep.shelf import Shelf
from device.keep.shelves import shelves
from tests.clocks import T0_NS, HandClock
from tests.device.keep.fakes import DAY_NS

ENOSPC_AND_MORE = [errno.EIO, errno.EROFS, errno.ENOENT, errno.EISDIR, errno.EACCES, errno.ESTALE, errno.ENOSPC, errno.EPERM, errno.ENOTDIR]


class Faults:
    def __init__(self) -> None:
        self.met: list[tuple[str, Exception]] = []

    def __call__(self, doing: str, error: Exception) -> None:
        self.met.append((doing, error))


def write(path: Path, size: int, wall_ns: int = T0_NS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, ns=(wall_ns, wall_ns))
    return path


def pictures(data: Path, clock: HandClock | None = None, faults: Faults | None = None) -> FileShelf:
    return FileShelf("pictures", data, "events", clock or HandClock(), faults or Faults(), by_day=True)


def names(shelf: Shelf, order: Order = "oldest") -> list[str]:
    return [item.name for item in shelf.items(order)]


def test_pictures_go_day_by_day_the_oldest_first(tmp_path: Path) -> None:
    write(tmp_path / "events/2026-09-20/b.jpg", 30, T0_NS + 2)
    write(tmp_path / "events/2026-09-20/a.jpg", 20, T0_NS + 3)
    write(tmp_path / "events/2026-09-19/z.jpg", 10, T0_NS + 9)
    shelf = pictures(tmp_path)
    assert names(shelf) == ["events/2026-09-19/z.jpg", "events/2026-09-20/b.jpg", "events/2026-09-20/a.jpg"]
    assert names(shelf, "largest") == ["events/2026-09-20/b.jpg", "events/2026-09-20/a.jpg", "events/2026-09-19/z.jpg"]
    totals = shelf.totals()
    assert (totals.bytes, totals.count, totals.oldest_wall_ns) == (60, 3, T0_NS + 2)


def test_a_folder_goes_with_its_last_file_but_never_the_newest(tmp_path: Path) -> None:
    write(tmp_path / "events/2026-09-19/a.jpg", 1)
    write(tmp_path / "events/2026-09-20/b.jpg", 1)
    shelf = pictures(tmp_path)
    for item in list(shelf.items("oldest")):
        shelf.remove(item, "")
    assert [path.name for path in (tmp_path / "events").iterdir()] == ["2026-09-20"]
    assert shelf.totals().count == 0 and names(shelf) == []


def test_what_is_being_written_is_counted_and_never_offered(tmp_path: Path) -> None:
    for name in ("a.jpg.part", ".a.jpg.tmp", "b.mp4.copy", "c.tmp"):
        write(tmp_path / "events/2026-09-20" / name, 10)
    shelf = pictures(tmp_path)
    assert names(shelf) == [] and names(shelf, "largest") == []
    assert (shelf.totals().bytes, shelf.totals().fixed_bytes) == (40, 40)


def test_no_link_is_followed_and_nothing_outside_is_removed(tmp_path: Path) -> None:
    outside, data = tmp_path / "outside", tmp_path / "data"
    treasure = write(outside / "2026-09-19/treasure.jpg", 10)
    inside = write(data / "events/2026-09-20/a.jpg", 10)
    (data / "events/2026-09-18").symlink_to(outside / "2026-09-19")
    (data / "events/2026-09-20/link.jpg").symlink_to(treasure)
    os.mkfifo(data / "events/2026-09-20/pipe.jpg")
    shelf = pictures(data)
    assert names(shelf) == ["events/2026-09-20/a.jpg"] and shelf.totals().count == 1
    beyond = "../outside/2026-09-19/treasure.jpg"
    for relative in ("events/2026-09-18/treasure.jpg", beyond, f"events/../{beyond}"):
        with pytest.raises(OSError, match=r"Not a directory|not a plain path|symbolic"):
            remove_file(data, relative)
    for item in list(shelf.items("oldest")):
        shelf.remove(item, "")
    assert treasure.exists() and not inside.exists() and (data / "events/2026-09-20/link.jpg").is_symlink()


def test_a_folder_that_was_made_a_link_between_listing_and_removing_leads_nowhere(tmp_path: Path) -> None:
    outside, data = tmp_path / "outside", tmp_path / "data"
    treasure = write(outside / "a.jpg", 10)
    write(data / "events/2026-09-20/a.jpg", 10)
    shelf = pictures(data)
    (item,) = shelf.items("oldest")
    (data / "events/2026-09-20").rename(data / "events/x")
    (data / "events/2026-09-20").symlink_to(outside)
    with pytest.raises(OSError, match=r"Not a directory|symbolic"):
        shelf.remove(item, "")
    assert treasure.exists()


def test_a_class_folder_that_is_a_link_is_said_and_left_alone(tmp_path: Path) -> None:
    outside, data, faults = tmp_path / "outside", tmp_path / "data", Faults()
    treasure = write(outside / "2026-09-19/a.jpg", 10)
    data.mkdir()
    (data / "events").symlink_to(outside)
    shelf = pictures(data, faults=faults)
    assert shelf.totals().count == 0 and names(shelf) == [] and treasure.exists()
    assert "events cannot be read" in faults.met[0][0]


def test_the_data_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path / "disk/events/2026-09-19/a.jpg", 10)
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    shelf = pictures(tmp_path / "data")
    assert names(shelf) == ["events/2026-09-19/a.jpg"]


def test_another_file_system_below_the_data_folder_is_not_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "events/2026-09-19/a.jpg", 10)
    shelf, real = pictures(tmp_path), os.fstat
    calls: list[int] = []

    def elsewhere(handle: int) -> os.stat_result:
        calls.append(handle)
        found = list(real(handle))
        found[2] = len(calls)  # st_dev: another one each time
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", elsewhere)
    assert names(shelf) == []


def test_an_unchanged_folder_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = HandClock(wall=4_000_000_000_000_000_000)  # long after the files were written
    for day in range(10, 20):
        write(tmp_path / f"events/2026-09-{day}/a.jpg", 10)
    shelf, reads, real = pictures(tmp_path, clock), [], os.scandir

    def scandir(path: Any) -> Any:
        reads.append(path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert shelf.totals().count == 10
    reads.clear()
    assert shelf.totals().count == 10 and reads == []
    write(tmp_path / "events/2026-09-15/b.jpg", 10)
    assert shelf.totals().count == 11 and len(reads) == 1


CALLS = ["scandir", "stat", "open", "fstat", "unlink"]


@pytest.mark.parametrize("code", ENOSPC_AND_MORE)
@pytest.mark.parametrize("call", CALLS)
def test_each_call_may_fail_for_one_folder_and_the_others_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    faults = Faults()
    for day in (18, 19, 20):
        write(tmp_path / f"events/2026-09-{day}/a{day}.jpg", 10)
    shelf = pictures(tmp_path, faults=faults)
    monkeypatch.setattr(os, call, failing(getattr(os, call), "2026-09-18", "a18.jpg", code))
    offered = list(shelf.items("oldest"))
    seen = {item.name[-7:] for item in offered}
    assert {"a19.jpg", "a20.jpg"} <= seen
    shelf.totals()
    gone = 0
    for item in offered:
        try:
            shelf.remove(item, "")
        except OSError as error:
            assert error.errno == code and "a18" in item.name
        else:
            gone += 1
    assert gone >= 2
    monkeypatch.undo()
    left = {path.name for path in tmp_path.rglob("*.jpg")}
    assert not left & {"a19.jpg", "a20.jpg"}
    assert all(isinstance(error, OSError) for _, error in faults.met)


def failing(real: Callable[..., Any], folder: str, name: str, code: int) -> Callable[..., Any]:
    """The call, refusing what has to do with one folder: by its name, or by a handle of it."""

    def call(path: Any, *args: Any, **more: Any) -> Any:
        where = str(Path(f"/proc/self/fd/{path}").readlink()) if isinstance(path, int) else str(path)
        if where == name or where.endswith(folder):
            raise OSError(code, os.strerror(code))
        return real(path, *args, **more)

    return call


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES, errno.ENOTEMPTY, errno.EROFS])
def test_an_empty_folder_that_cannot_be_removed_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    write(tmp_path / "events/2026-09-18/a.jpg", 10)
    write(tmp_path / "events/2026-09-19/a.jpg", 10)
    shelf = pictures(tmp_path)

    def refuses(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "rmdir", refuses)
    for item in list(shelf.items("oldest")):
        shelf.remove(item, "")
    assert shelf.totals().count == 0


def test_handles_are_given_back_however_it_ends(tmp_path: Path) -> None:
    write(tmp_path / "events/2026-09-18/a.jpg", 10)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for relative in ("events/2026-09-18", "events/none", "events/2026-09-18/a.jpg", "events/.."):
        for _ in range(20):
            try:
                with opened(tmp_path, relative):
                    pass
            except OSError:
                continue
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_all_that_fills_the_data_folder_is_on_some_shelf(tmp_path: Path) -> None:
    faults = Faults()
    write(tmp_path / "clips/yard/2026-09-20/080000.000Z-1.mp4", 1000)
    write(tmp_path / "salvage/yard/2026-09-20/x.mp4.part", 200)
    write(tmp_path / "snapshots/yard-1.jpg", 30)
    write(tmp_path / "log/events-20260920-000001.jsonl", 4)
    write(tmp_path / "log/events.jsonl", 5)
    write(tmp_path / "log/removals.jsonl", 6)
    write(tmp_path / "dataset/images/x.png", 70)
    write(tmp_path / "models/person/model.onnx", 800)
    write(tmp_path / "outbox.sqlite", 9000)
    write(tmp_path / ".ballast", 50_000)
    every = shelves(tmp_path, HandClock(), faults)
    sizes = {shelf.name: shelf.totals().bytes for shelf in every}
    assert sizes == {
        "clips": 1000, "sessions": 0, "pictures": 0, "snapshots": 30, "salvage": 200, "exports": 70, "logs": 15, "models": 800,
        "engines": 0, "journal": 9000,
    }  # fmt: skip
    offered = {shelf.name: names(shelf) for shelf in every}
    assert {name for name, items in offered.items() if items} == {"snapshots", "salvage", "logs"}
    assert offered["logs"] == ["log/events-20260920-000001.jsonl"] and offered["salvage"] == ["salvage/yard/2026-09-20/x.mp4.part"]
    assert faults.met == []


def test_more_than_a_page_of_stuck_files_does_not_hide_the_rest(tmp_path: Path) -> None:
    for number in range(30):
        write(tmp_path / f"snapshots/{number:04d}.jpg", 1, T0_NS + number * DAY_NS)
    shelf = FileShelf("snapshots", tmp_path, "snapshots", HandClock(), Faults(), deep=False)
    assert len(list(shelf.items("oldest", skip=5))) == 30


def test_on_a_disk_that_is_not_ours_no_shelf_offers_itself_for_cleaning(tmp_path: Path) -> None:
    every = shelves(tmp_path, HandClock(), Faults(), foreign=lambda: "the recordings of another box are on this disk")
    assert {shelf.distrusted for shelf in every} == {"the recordings of another box are on this disk"}
