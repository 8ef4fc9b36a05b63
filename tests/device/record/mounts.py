"""Real file systems for tests: a small tmpfs, or a file with FAT on it; skipped, with the reason, where mounting is not allowed."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LIBC = ctypes.CDLL(None, use_errno=True)
MNT_DETACH, MS_BIND = 2, 4096


@contextmanager
def tmpfs(folder: Path, size: str = "2m") -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    if not mount_tmpfs(folder, size):
        pytest.skip(f"no small disk: mounting one is not allowed here ({os.strerror(ctypes.get_errno())}); run as root")
    try:
        yield folder
    finally:
        unmount(folder)


def mount_tmpfs(folder: Path, size: str = "2m") -> bool:
    return LIBC.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, f"size={size}".encode()) == 0


def bind(folder: Path, there: Path) -> None:
    """The same file system in a second place."""
    assert LIBC.mount(os.fsencode(folder), os.fsencode(there), b"", MS_BIND, b"") == 0


@contextmanager
def fat(folder: Path, megabytes: int = 16) -> Iterator[Path]:
    maker = shutil.which("mkfs.vfat", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if maker is None:
        pytest.skip("no FAT: mkfs.vfat (dosfstools) is not installed")
    image = folder.with_name(folder.name + ".img")
    image.write_bytes(bytes(megabytes << 20))
    subprocess.run([maker, str(image)], check=True, capture_output=True)
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "vfat", "-o", "loop", str(image), str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no FAT: mounting it is not allowed here ({done.stderr.strip()}); run as root")
    try:
        yield folder
    finally:
        unmount(folder)


def unmount(folder: Path) -> None:
    assert LIBC.umount2(os.fsencode(folder), MNT_DETACH) == 0


def fill(folder: Path, leave_bytes: int = 0) -> Path:
    disk = os.statvfs(folder)
    filler = folder / "filler"
    filler.write_bytes(bytes(max(0, disk.f_bavail * disk.f_frsize - leave_bytes)))
    return filler
