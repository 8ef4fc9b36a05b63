"""The data folder at a start."""

from __future__ import annotations

import ctypes
import os
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
