"""A disk whose power can be cut: a file with ext4 or xfs on it, mounted over a loop device, stopped dead by the file system itself."""

from __future__ import annotations

import ctypes
import errno
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
DETACH = 2  # of umount2
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
        if maker is None or shutil.which("losetup", path=PATH) is None:
            return f"{MAKERS[self.kind][0]} or losetup is not installed (e2fsprogs, xfsprogs, mount)"
        subprocess.run([maker, *MAKERS[self.kind][1:], str(self._image)], check=True, capture_output=True)
        return (not self._device and self._attach()) or self.mount()

    def _attach(self) -> str:
        done = subprocess.run([losetup(), "--find", "--show", str(self._image)], capture_output=True, text=True, check=False)
        self._device = done.stdout.strip()
        return f"no loop device here ({done.stderr.strip()}); run as root" if done.returncode else ""

    def mount(self) -> str:
        """The journal is replayed; what the kernel says when it will not have it."""
        reason = self._mounted()
        return reason if reason or self._answers() else self._from_a_copy()

    def _mounted(self) -> str:
        """A copy of an xfs may be mounted beside it."""
        more = b"nouuid" if self.kind == "xfs" else b""
        if LIBC.mount(self._device.encode(), os.fsencode(self.path), self.kind.encode(), 0, more) == 0:
            return ""
        return f"{self.kind} cannot be mounted here ({os.strerror(ctypes.get_errno())}); run as root"

    def _answers(self) -> bool:
        """No: it is the one that was cut, which somebody else's namespace of mounts, a container's, still has."""
        try:
            os.close(os.open(self.path, os.O_TMPFILE | os.O_RDWR))
        except OSError as error:
            return error.errno != errno.EIO
        return True

    def _from_a_copy(self) -> str:
        """What is on the medium, under another device: the first one is shut down for good, and writes no more."""
        LIBC.umount2(os.fsencode(self.path), DETACH)
        copy = self._image.with_name(f"again-{self._image.name}")
        subprocess.run(["cp", "--sparse=always", str(self._image), str(copy)], check=True)
        self._detach()
        copy.replace(self._image)
        return self._attach() or self._mounted()

    def _detach(self) -> None:
        subprocess.run([losetup(), "--detach", self._device], check=False, capture_output=True)

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
        LIBC.umount2(os.fsencode(self.path), DETACH)
        if self._device:
            self._detach()
        with suppress(OSError):
            self._image.unlink()


def losetup() -> str:
    return shutil.which("losetup", path=PATH) or "losetup"


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
