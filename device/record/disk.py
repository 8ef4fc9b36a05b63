"""DataDisk: which disk the data folder is on, and whether it is the one that it should be; nothing is removed while that is unsure."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import Literal, TypeAlias
from uuid import UUID, uuid4

from pydantic import ValidationError

from contracts.clip import Clip
from contracts.disk import Disk
from contracts.errors import StorageError
from contracts.files import storage, write_durably
from contracts.wire import utc_from_ns
from dataset.layout import read_small
from device.clock import Clock
from device.record.layout import clips_folder

log = logging.getLogger(__name__)
NAME = "disk.json"
Mount: TypeAlias = "bool | Path"  # `storage.mount`: any disk, one that is mounted, or the one that is mounted there
LONGEST = 65_536  # bytes of a disk.json; a larger one is none of ours
ADOPT = "if its recordings are this box's from now on, run `vedette clips reindex --adopt`"
MOUNTS = Path("/proc/self/mountinfo")


class DataDisk:
    """`fault` says why the disk is not sure to be ours; empty: it is. Asking again costs one `stat` while nothing has changed."""

    def __init__(self, data: Path, clock: Clock, *, device: str = "", software: str = "", mount: Mount = False) -> None:
        self.path, self._data, self._clock = data / NAME, data, clock
        self._device, self._software, self._mount = device, software, mount
        self._seen: tuple[int, int, int] | None = None  # of the disk.json that was read: device, inode, time of change
        self._disk: Disk | None = None
        self._unsaved: Disk | None = None  # the disk was too full to take its name
        self._first: UUID | None = None  # the disk that was there when we began

    @property
    def id(self) -> UUID | None:
        return self._disk.id if self._disk else None

    def begin(self, *, name: bool = True) -> None:
        """Read who the disk is; one without a name gets it, unless it should be a mounted one and is not."""
        if self.unmounted():
            return
        if self._read() == "" and self._disk is None and name:
            self._name(self._whose())
        self._first = self.id

    def adopt(self) -> None:
        """The owner says that what is on this disk is this box's. It gets a new name, so that every index of it is built anew."""
        if reason := self.unmounted():
            raise StorageError(reason)
        self._name(self._device)
        if self._unsaved:
            raise StorageError(f"{self.path}: could not be written; see the log, and run this again")
        self._first = self.id

    def unmounted(self) -> str:
        """Why the data folder is not where `storage.mount` wants it."""
        if self._mount is False:
            return ""
        try:
            return _not_mounted(self._data, self._mount)
        except OSError as error:
            return f"{self._data}: {error.strerror}; mount the disk, or change storage.mount"

    def fault(self) -> str:
        if reason := self.unmounted() or self._read():
            return reason
        if reason := self._changed():
            return reason
        if self._device and (disk := self._disk) and disk.device != self._device:
            return f"{self.path}: the recordings of another box, {disk.device or 'of no name'}, are on this disk; {ADOPT}"
        return ""

    def require(self) -> None:
        """StorageError where what is written now would be in the folder that the disk of the start was mounted at."""
        reason = self.unmounted()
        if not reason and self._first and not self._read():  # a disk that fails says so to whoever writes
            reason = self._changed()
        if reason:
            raise StorageError(reason)

    def _changed(self) -> str:
        disk = self._disk  # threads share it
        if disk is None:
            return f"{self.path} is gone; mount the disk again, or start Vedette anew to use the folder as it is"
        if disk.id != self._first:
            return f"{self.path}: this is another disk than the one at the start; start Vedette anew to use it"
        return ""

    def _read(self) -> str:
        """What is wrong with the file; none there is no fault here, and no disk either."""
        try:
            status = self.path.stat()
            seen = (status.st_dev, status.st_ino, status.st_mtime_ns)
            if seen == self._seen:
                return ""
            if not stat.S_ISREG(status.st_mode):
                self._disk = self._seen = None
                return f"{self.path}: is not a plain file; remove it, and {ADOPT}"
            with self.path.open("rb") as file:
                self._disk, self._seen = Disk.model_validate_json(file.read(LONGEST)), seen
        except FileNotFoundError:
            self._disk, self._seen = self._unsaved, None
        except OSError as error:
            self._disk = self._seen = None
            return f"{self.path}: {error.strerror}; see the disk's state"
        except ValidationError as error:
            self._disk = self._seen = None
            return f"{self.path}: cannot be read ({error.error_count()} fault(s), or it is of newer software); {ADOPT}"
        return ""

    def _name(self, device: str) -> None:
        made = utc_from_ns(self._clock.wall_ns())
        self._disk = self._unsaved = Disk(id=uuid4(), made=made, device=device, software=self._software)
        self.save()

    def save(self) -> None:
        """Write down a new name; on a full disk it holds in memory until there is room."""
        if self._unsaved is None:
            return
        try:
            write_durably(self.path, self._unsaved.model_dump_json(indent=1).encode() + b"\n")
            owned_as_its_folder(self.path)
        except (OSError, StorageError) as error:
            log.warning("the disk could not be given a name yet", extra={"reason": str(error)})
            return
        self._unsaved = None
        self._read()

    def _whose(self) -> str:
        """The box that the clips of a disk without a name say they are of: the newest day of each camera is asked."""
        try:
            days = [max((day for day in camera.iterdir() if day.is_dir()), default=None) for camera in _folders(clips_folder(self._data))]
            first = [min(day.glob("[!.]*.json"), default=None) for day in days if day]
            devices = {_device_of(path) for path in first if path}
        except OSError:
            return self._device
        return min(devices - {"", self._device}, default=self._device)


def _folders(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if each.is_dir()) if path.is_dir() else []


def _device_of(manifest: Path) -> str:
    try:
        return Clip.model_validate_json(read_small(manifest, LONGEST)).device
    except (StorageError, ValidationError):
        return ""


def owned_as_its_folder(path: Path) -> None:
    """What root makes, with a command beside the service, must be the service's."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid, follow_symlinks=False)


def _not_mounted(data: Path, mount: Literal[True] | Path) -> str:
    there = next(path for path in (data, *data.absolute().parents) if path.exists())
    if mount is True:
        if there.stat().st_dev != Path("/").stat().st_dev:
            return ""
        return f"{data}: no disk is mounted there and storage.mount asks for one; mount it, or change storage.mount"
    wanted = Path(os.path.realpath(mount))
    if wanted not in mount_points():
        return f"{mount}: no disk is mounted there and storage.mount asks for one; mount it, or change storage.mount"
    if there.stat().st_dev != wanted.stat().st_dev:
        return f"{data}: is not on the disk at {mount}, which storage.mount names; change data or storage.mount"
    return ""


def mount_points() -> set[Path]:
    """Where file systems are mounted, as the kernel says; it writes spaces and the like as octal numbers."""
    with storage(MOUNTS):
        fields = [line.split() for line in MOUNTS.read_bytes().splitlines()]
    return {Path(os.fsdecode(field[4].decode("unicode_escape").encode("latin-1"))) for field in fields if len(field) > 4}
