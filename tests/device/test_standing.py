"""The data folder at a start."""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.errors import StorageError
from device.record.recover import Recovered
from device.standing import said, usable

LIBC = ctypes.CDLL(None, use_errno=True)
READ_ONLY, DETACH = 1, 2


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if LIBC.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"size=64k"):
        pytest.skip("mounting a small disk is not allowed here; run as root")
    yield folder
    LIBC.umount2(os.fsencode(folder), DETACH)


def test_a_folder_that_takes_files_is_usable_and_left_as_it_was(tmp_path: Path) -> None:
    usable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_folder_that_takes_none_is_refused_with_reason_and_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", Path("/proc/self/data")):
        with pytest.raises(StorageError, match=f"data folder {folder}: .*; give the service's user the folder, or change `data`"):
            usable(folder)


def test_a_read_only_disk_is_refused_and_a_full_one_is_not(disk: Path) -> None:
    (disk / "data").mkdir()
    with (disk / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space"):
        while True:
            filler.write(b"x" * 4096)
    usable(disk / "data")
    usable(disk / "data" / "deeper")
    assert LIBC.mount(b"tmpfs", os.fsencode(disk), b"tmpfs", 32 | READ_ONLY, b"") == 0  # MS_REMOUNT
    with pytest.raises(StorageError, match="Read-only file system"):
        usable(disk / "data")


def test_what_could_not_be_mended_is_said(tmp_path: Path) -> None:
    assert said(Recovered()) == ""
    assert said(Recovered(salvaged=[tmp_path])).startswith("one file of the last run cannot be played and was put into salvage/")
    words = said(Recovered(salvaged=[tmp_path, tmp_path], waiting=["clip a: the disk is full"]))
    assert "each of 2 files" in words and "one file of the last run could not be closed yet (clip a: the disk is full)" in words


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("no_umask")
def test_a_new_data_folder_is_the_owners_and_the_groups_alone(tmp_path: Path) -> None:
    usable(tmp_path / "data")
    assert mode(tmp_path / "data") == 0o750


@pytest.mark.usefixtures("no_umask")
def test_an_old_one_is_closed_to_others_when_it_is_ours_and_its_groups_rights_stay(tmp_path: Path) -> None:
    for name, before, after in (("used", 0o2775, 0o2770), ("empty", 0o755, 0o750)):
        folder = tmp_path / name
        folder.mkdir()
        folder.chmod(before)
        if name == "used":
            (folder / "outbox.lock").touch()
        usable(folder)
        assert mode(folder) == after


@pytest.mark.parametrize(("before", "inside"), [(0o1777, "outbox.lock"), (0o755, "holiday.jpg")])
def test_a_folder_that_others_share_is_left_as_it_is_and_that_is_said(
    tmp_path: Path, before: int, inside: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / inside).touch()
    (tmp_path / "shared").chmod(before)
    usable(tmp_path / "shared")
    assert mode(tmp_path / "shared") == before
    assert "every user of this machine; `vedette doctor` says what to do" in caplog.text


def test_a_link_in_the_data_folder_is_no_place_to_write_to(tmp_path: Path) -> None:
    """It may be one itself, and models are only read."""
    for name in ("disk", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    (tmp_path / "data" / "models").symlink_to(tmp_path / "elsewhere")
    usable(tmp_path / "data")
    (tmp_path / "data" / "log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="log is a symbolic link, and none is followed; remove it; to keep things on another disk"):
        usable(tmp_path / "data")
