"""Room that is held back, and given up first."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from device.keep.ballast import Ballast
from device.keep.room import Marks, Room

MARKS = Marks(floor=10, low=50_000_000, high=70_000_000, inodes_low=0, inodes_high=0)
SIZE = 2_000_000


def room(free: int, inodes: int = 100) -> Room:
    return Room(1_000_000_000, free, 1000, inodes)


def test_it_is_real_room_taken_when_there_is_plenty(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / ".ballast", SIZE)
    ballast.trim(room(71_999_999), MARKS)
    assert ballast.bytes == 0
    ballast.trim(room(72_000_000), MARKS)
    there = (tmp_path / ".ballast").stat()
    assert ballast.bytes == SIZE == there.st_size and there.st_blocks * 512 >= SIZE and there.st_mode & 0o77 == 0


@pytest.mark.parametrize("now", [room(999_999), room(500_000_000, inodes=0)])
def test_it_goes_when_the_disk_is_full_of_bytes_or_of_files_and_comes_back(tmp_path: Path, now: Room) -> None:
    ballast = Ballast(tmp_path / ".ballast", SIZE)
    ballast.trim(room(500_000_000), MARKS)
    ballast.trim(room(1_500_000), MARKS)
    assert ballast.bytes == SIZE
    ballast.trim(now, MARKS)
    assert ballast.bytes == 0 and not (tmp_path / ".ballast").exists()
    ballast.trim(room(60_000_000), MARKS)
    assert ballast.bytes == 0, "not before there is plenty"
    ballast.trim(room(500_000_000), MARKS)
    assert ballast.bytes == SIZE


def test_a_restart_takes_it_over_and_another_size_makes_it_anew(tmp_path: Path) -> None:
    Ballast(tmp_path / ".ballast", SIZE).trim(room(500_000_000), MARKS)
    assert Ballast(tmp_path / ".ballast", SIZE).bytes == SIZE
    other = Ballast(tmp_path / ".ballast", SIZE * 2)
    other.trim(room(500_000_000), MARKS)
    other.trim(room(500_000_000), MARKS)
    assert other.bytes == SIZE * 2
    none = Ballast(tmp_path / ".ballast", 0)
    none.trim(room(500_000_000), MARKS)
    assert none.bytes == 0 and not (tmp_path / ".ballast").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES, errno.EOPNOTSUPP])
@pytest.mark.parametrize("call", ["posix_fallocate", "fsync", "open"])
def test_half_a_ballast_is_never_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int) -> None:
    def refuses(*_: Any, **__: Any) -> Any:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, refuses)
    ballast = Ballast(tmp_path / ".ballast", SIZE)
    with pytest.raises(OSError, match=os.strerror(code)):
        ballast.trim(room(500_000_000), MARKS)
    assert ballast.bytes == 0 and not (tmp_path / ".ballast").exists()


def test_it_is_not_made_through_a_link(tmp_path: Path) -> None:
    (tmp_path / ".ballast").symlink_to(tmp_path / "other")
    ballast = Ballast(tmp_path / ".ballast", SIZE)
    ballast.trim(room(500_000_000), MARKS)
    ballast.trim(room(500_000_000), MARKS)
    assert not (tmp_path / "other").exists() and not (tmp_path / ".ballast").is_symlink() and ballast.bytes == SIZE
    ballast._give_up()
    (tmp_path / ".ballast").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic"):
        ballast.trim(room(500_000_000), MARKS)
    assert not (tmp_path / "other").exists() and not (tmp_path / ".ballast").exists()
