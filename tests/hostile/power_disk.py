"""A disk whose power can be cut: a file with ext4 or xfs on it, mounted over a loop device, stopped dead by the file system itself."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

LIBC = ctypes.CDLL(None, use_errno=True)
SHUTDOWN = 0x8004587D  # XFS_IOC_GOINGDOWN, the same number for ext4: `xfs_io -x -c shutdown` calls it
LOG_SYNCED, NOTHING_SYNCED = 1, 2  # what happens to the journal's own buffers before the power goes
MEGABYTES = {"ext4": 160, "xfs": 320}  # xfs makes nothing smaller than 300
MAKERS = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard"),
    "xfs": ("mkfs.xfs", "-q", "-f", "-K"),
}
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class LoopDisk:
    """`cut` is a power cut: what was not synced is gone, every call after it fails. `mount` afterwards replays the journal."""

    def __init__(self, folder: Path, kind: str, megabytes: int = 0) -> None:
        self.kind, self.path = kind, folder / kind
        self._image = folder / f"{kind}.img"
        self._device = ""
        self.path.mkdir(parents=True, exist_ok=True)
        with self._image.open("wb") as file:
            file.truncate((megabytes or MEGABYTES[kind]) << 20)

    def make(self) -> str:
        """Empty; why it cannot be, where it cannot."""
        maker = shutil.which(MAKERS[self.kind][0], path=PATH)
        loop = shutil.which("losetup", path=PATH)
        if maker is None or loop is None:
            return f"{MAKERS[self.kind][0]} or losetup is not installed (e2fsprogs, xfsprogs, mount)"
        subprocess.run([maker, *MAKERS[self.kind][1:], str(self._image)], check=True, capture_output=True)
        if not self._device:
            done = subprocess.run([loop, "--find", "--show", str(self._image)], capture_output=True, text=True, check=False)
            if done.returncode:
                return f"no loop device here ({done.stderr.strip()}); run as root"
            self._device = done.stdout.strip()
        return self.mount()

    def mount(self) -> str:
        """The journal is replayed; what the kernel says when it will not have it."""
        if LIBC.mount(self._device.encode(), os.fsencode(self.path), self.kind.encode(), 0, b"") == 0:
            return ""
        return f"{self.kind} cannot be mounted here ({os.strerror(ctypes.get_errno())}); run as root"

    def cut(self, journal: int = NOTHING_SYNCED) -> None:
        handle = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, SHUTDOWN, journal.to_bytes(4, "little"))
        finally:
            os.close(handle)

    def umount(self) -> None:
        """When nobody has a file open on it any more: a killed process takes a moment to let go."""
        for _ in range(200):
            if LIBC.umount2(os.fsencode(self.path), 0) == 0:
                return
            threading.Event().wait(0.02)
        raise AssertionError(f"{self.path}: {os.strerror(ctypes.get_errno())}")

    def throw_away(self) -> None:
        LIBC.umount2(os.fsencode(self.path), 2)  # MNT_DETACH
        if self._device:
            subprocess.run([shutil.which("losetup", path=PATH) or "losetup", "--detach", self._device], check=False, capture_output=True)
        with suppress(OSError):
            self._image.unlink()


@contextmanager
def loop_disk(folder: Path, kind: str, megabytes: int = 0) -> Iterator[LoopDisk]:
    """Skipped, with the reason, where there can be none."""
    if os.geteuid() != 0:
        pytest.skip("cutting the power of a file system needs root")
    disk = LoopDisk(folder, kind, megabytes)
    try:
        if reason := disk.make():
            pytest.skip(reason)
        yield disk
    finally:
        disk.throw_away()
