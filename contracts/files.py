"""Small files that survive a power cut: temp, fsync, rename, fsync of the folder; and names that stay inside their folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from contracts.errors import ProtocolError, StorageError

MENDS = {
    errno.ENOSPC: "the disk is full; free some room",
    errno.EDQUOT: "the quota is used up; free some room or raise it",
    errno.EIO: "the disk has a fault; check its cable and health, and replace it",
    errno.EROFS: "the file system is read-only; see why with dmesg, or mount it writable",
    errno.EACCES: "not allowed; give the service's user the folder",
    errno.EPERM: "not allowed; give the service's user the folder",
    errno.ENOENT: "No such file or directory; correct the name, or see what took it away",
    errno.EEXIST: "a file is where a folder must be; name another folder",
    errno.ENOTDIR: "a file is where a folder must be; name another folder",
    errno.EISDIR: "is a folder; name a file",
    errno.ELOOP: "a symbolic link, and none is followed; remove it",
}
LONGEST_NAME = 80  # characters of a name made of foreign text; a file system takes 255 bytes with all suffixes


@contextmanager
def storage(path: Path) -> Iterator[None]:
    """The seam: whatever the disk refuses inside becomes a StorageError that says what, which and what to do."""
    try:
        yield
    except OSError as error:
        mend = MENDS.get(error.errno or 0, f"{error.strerror or error}; see the disk's state")
        raise StorageError(f"{path}: {mend}") from error


def write_durably(path: Path, data: bytes, mode: int = 0o666, *, read_back: bool = False, shared: bool = False) -> None:
    """All of `data` or what was there before, whenever the power goes; StorageError when the disk refuses. The umask cuts `mode`.
    `read_back`: from the medium, before it gets its name; a stick lies more often than a disk. `shared`: what root writes, with a
    command beside the service, is the service's, as its folder."""
    with storage(path):
        make_folders(path.parent)
        temp = path.with_name(f".{path.name}.tmp")  # always the same name: a temp left by a cut makes way, and a link is not followed
        try:
            temp.unlink(missing_ok=True)
            handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                if shared and os.geteuid() == 0:
                    folder = path.parent.stat()
                    os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
                os.fsync(file.fileno())
                if read_back:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            if read_back and temp.read_bytes() != data:
                raise OSError(errno.EIO, "what was read back is not what was written")
            temp.replace(path)
        except OSError:
            with suppress(OSError):
                temp.unlink()
            raise
        sync_folder(path.parent)


def rename_durably(old: Path, new: Path) -> None:
    """`old` must have been fsynced; what was at `new` is replaced."""
    with storage(new):
        make_folders(new.parent)
        old.replace(new)
        sync_folder(new.parent)
        if old.parent != new.parent:
            sync_folder(old.parent)


def make_folders(path: Path) -> None:
    """`mkdir -p` of which each new folder is still there after a power cut."""
    missing = [folder for folder in (path, *path.parents) if not folder.is_dir()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable; a file system that cannot sync folders (some FUSE and network ones) is taken as it is."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(handle)


def refuse_links(root: Path, path: Path) -> None:
    """StorageError when anything on the way from `root` to `path`, or that itself, is a symbolic link; `root` may be one."""
    place = root
    for name in path.relative_to(root).parts:
        place /= name
        with storage(place):  # a disk that fails does not even say what it is
            link = place.is_symlink()
        if link:
            raise StorageError(f"{place}: {MENDS[errno.ELOOP]}")


def file_name(text: str) -> str:
    """Any text as one harmless file name: plain names stay as they are, different texts give different names."""
    name = quote(text, safe=" +,=@()", errors="surrogatepass")
    if name.startswith((".", " ")) or not name:
        name = f"%{ord(name[0]):02X}{name[1:]}" if name else "%"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 18]}%-{sha256(text.encode(errors='surrogatepass')).hexdigest()[:16]}"


def inside(root: Path, relative: str) -> Path:
    """The path `relative` names below `root`; ProtocolError for one that leaves it by `..`, an absolute path or a link."""
    if not relative or "\0" in relative or "\\" in relative or relative.startswith("/") or ".." in relative.split("/"):
        raise ProtocolError(f"path {relative[:200]!r}: not a plain relative path; name a file below the folder")
    path = root / relative
    try:
        stays = path.resolve().is_relative_to(root.resolve())
    except RuntimeError:  # a link that leads to itself, before Python 3.13
        stays = False
    if not stays:
        raise ProtocolError(f"path {relative[:200]!r}: leads out of its folder by a link; name a file below the folder")
    return path
