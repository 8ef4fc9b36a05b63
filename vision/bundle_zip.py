"""ZipMembers: the members of a bundle that is a file: a zip without compression, each byte of it accounted for before one is used."""

from __future__ import annotations

import os
import re
import stat
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contracts.bundle import MANIFEST
from contracts.errors import BundleError
from vision.bundle_reader import Reader

MIB = 1 << 20
MAX_BUNDLE_BYTES = 512 * MIB
MAX_MEMBERS = 256
MAX_NAME = 200
MAX_EXTRA = 128  # times and owners that zip -0 writes beside each name
MAX_OVERHEAD = MAX_MEMBERS * 2 * (46 + MAX_NAME + MAX_EXTRA) + 22  # of headers in a file
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,7}")  # as contracts.bundle.PATH, and to its very end

END, CENTRAL, LOCAL = struct.Struct("<4s4H2LH"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s5H3L2H")
ENCRYPTED, STREAMED, UTF8 = 0x1, 0x8, 0x800
UNIX, FOLDER = 3, 0x10
STORED = 0
NEWEST = 63  # version of the format (6.3): programs that know no newer one refuse the file
WIDE = 0xFFFFFFFF  # of a size that stands elsewhere (zip64): no bundle is so large


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    size: int
    crc: int
    header: int  # where its local header begins
    begin: int = 0  # where its bytes do


class ZipMembers:
    """The layout is fixed: members one after another from the first byte, then the directory, then the end.

    So nothing hides before, between or after them, none shares its bytes with another, and any two programs read the same.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        handle = self._open()
        try:
            self._members = {member.name: member for member in self._checked(handle)}
        except OSError as error:
            raise self._refusal(f"cannot be read: {error.strerror or error}") from error
        finally:
            os.close(handle)

    @property
    def names(self) -> Sequence[str]:
        """In the order of the file."""
        return tuple(self._members)

    @property
    def spans(self) -> Sequence[tuple[int, int]]:
        """Where the bytes of each begin and end, in the order of the file."""
        return tuple((member.begin, member.begin + member.size) for member in self._members.values())

    def read(self, path: str, limit: int) -> bytes:
        return b"".join(self.stream(path, limit))

    def stream(self, path: str, limit: int) -> Iterator[bytes]:
        """Its bytes by the MiB; BundleError at the end when its checksum does not match."""
        member = self._members.get(path)
        if member is None:
            raise self._refusal(f"{path} is missing")
        if member.size > limit:
            raise self._refusal(f"{path} has {member.size} bytes, at most {limit} are allowed")
        handle = self._open()
        try:
            checksum, done = 0, 0
            while done < member.size:
                piece = os.pread(handle, min(MIB, member.size - done), member.begin + done)
                if not piece:
                    raise self._refusal(f"{path} ends too soon")
                checksum, done = zlib.crc32(piece, checksum), done + len(piece)
                yield piece
            if checksum != member.crc:
                raise self._refusal(f"{path} cannot be read: its checksum does not match")
        except OSError as error:
            raise self._refusal(f"{path} cannot be read: {error.strerror or error}") from error
        finally:
            os.close(handle)

    @contextmanager
    def reading(self, path: str) -> Iterator[Reader]:
        member = self._members.get(path)
        if member is None:
            raise self._refusal(f"{path} is missing")
        handle = self._open()
        try:
            yield Reader(handle, member.begin, member.size, f"{self._path}: {path}")
        finally:
            os.close(handle)

    def check_listed(self, paths: set[str]) -> None:
        strangers = sorted(set(self._members) - paths - {MANIFEST})
        if strangers:
            raise self._refusal(f"{strangers[0]!r} is not listed in {MANIFEST}")

    def _open(self) -> int:
        """Never a device or a pipe that would not end."""
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise self._refusal(f"cannot be read: {error.strerror or error}") from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise self._refusal("is not a plain file")
        return handle

    def _checked(self, handle: int) -> list[Member]:
        size = os.fstat(handle).st_size
        if size > MAX_BUNDLE_BYTES + MAX_OVERHEAD:
            raise self._refusal(f"has {size} bytes, at most {MAX_BUNDLE_BYTES} are allowed")
        count, directory, begin = self._end(handle, size)
        members = [*self._directory(os.pread(handle, directory, begin), count)]
        self._refuse_doubles(members)
        total = sum(member.size for member in members)
        if total > min(size, MAX_BUNDLE_BYTES):
            raise self._refusal(f"says it holds {total} bytes, the file has {size} and {MAX_BUNDLE_BYTES} are allowed")
        return self._placed(handle, members, begin)

    def _end(self, handle: int, size: int) -> tuple[int, int, int]:
        """How many members, how long their directory is and where it begins, out of the last 22 bytes."""
        raw = os.pread(handle, END.size, max(0, size - END.size))
        if len(raw) < END.size or not raw.startswith(b"PK\5\6"):
            raise self._refusal("is not a zip that can be read: it does not end like one (or has a comment)")
        _, disk, first, here, count, directory, begin, comment = END.unpack(raw)
        if disk or first or here != count or comment or WIDE in {directory, begin}:
            raise self._refusal("is not a zip that can be read: it says that it is only a part of one")
        if count > MAX_MEMBERS:
            raise self._refusal(f"has {count} members, at most {MAX_MEMBERS} are allowed")
        if begin + directory + END.size != size:
            raise self._refusal("is not a zip that can be read: something stands before, between or after its parts")
        if directory > count * (CENTRAL.size + MAX_NAME + MAX_EXTRA):
            raise self._refusal("is not a zip that can be read: its directory is longer than its members need")
        return count, directory, begin

    def _directory(self, raw: bytes, count: int) -> Iterator[Member]:
        at = 0
        for _ in range(count):
            if len(raw) - at < CENTRAL.size or not raw.startswith(b"PK\1\2", at):
                raise self._refusal("is not a zip that can be read: its directory breaks off")
            fields = CENTRAL.unpack_from(raw, at)
            made_by, flags, method = fields[1], fields[3], fields[4]
            crc, packed, plain, name_bytes, extra, comment = fields[7:13]
            name = raw[at + CENTRAL.size : at + CENTRAL.size + name_bytes]
            at += CENTRAL.size + name_bytes + extra + comment
            flaw = _flaw_of_name(name) or _flaw_of_kind(made_by >> 8, fields[15], flags) or _flaw_of_bytes(method, packed, plain)
            if not flaw and (extra > MAX_EXTRA or comment or fields[13]):
                flaw = "has more beside its name than a bundle needs"
            if not flaw and fields[2] & 0xFF > NEWEST:
                flaw = "says that only a newer program can read it"
            if flaw:
                raise self._refusal(f"member {name.decode('ascii', 'backslashreplace')[:MAX_NAME]!r} {flaw}")
            yield Member(name.decode("ascii"), plain, crc, fields[16])
        if at != len(raw):
            raise self._refusal("is not a zip that can be read: its directory holds more than it says")

    def _refuse_doubles(self, members: list[Member]) -> None:
        """Neither the same name twice, nor two that one file system or another takes for the same, nor a file that is a folder too."""
        names = {member.name.lower() for member in members}
        if len(names) < len(members):
            raise self._refusal("has the same member twice")
        for member in members:
            parts = member.name.lower().split("/")
            if any("/".join(parts[:n]) in names for n in range(1, len(parts))):
                raise self._refusal(f"member {member.name!r} lies in a folder that is a member itself")

    def _placed(self, handle: int, members: list[Member], end: int) -> list[Member]:
        """Each where the one before ends; its own header says the same of it as the directory."""
        placed, at = [], 0
        for member in sorted(members, key=lambda each: each.header):
            raw = os.pread(handle, LOCAL.size + MAX_NAME, member.header)
            if member.header != at or len(raw) < LOCAL.size:
                raise self._refusal(
                    f"member {member.name!r} does not begin where the one before it ends; two share their bytes, or some are hidden"
                )
            mark, _, flags, method, _, _, crc, packed, plain, name_bytes, extra = LOCAL.unpack_from(raw)
            same = (mark, method, crc, packed, plain) == (b"PK\3\4", STORED, member.crc, member.size, member.size)
            if not same or flags & ~UTF8 or raw[LOCAL.size : LOCAL.size + name_bytes] != member.name.encode() or extra > MAX_EXTRA:
                raise self._refusal(f"member {member.name!r} is another in its own header than in the directory")
            begin = member.header + LOCAL.size + name_bytes + extra
            at = begin + member.size
            placed.append(Member(member.name, member.size, member.crc, member.header, begin))
        if at != end:
            raise self._refusal("is not a zip that can be read: something stands between its members and its directory")
        return placed

    def _refusal(self, what: str) -> BundleError:
        return BundleError(f"bundle {self._path}: {what}; make or fetch the bundle again")


def _flaw_of_name(raw: bytes) -> str:
    if b"\0" in raw:
        return "has a NUL in its name"
    if len(raw) > MAX_NAME or not raw:
        return f"has a name of {len(raw)} bytes, 1 to {MAX_NAME} are allowed"
    if raw.endswith(b"/"):
        return "is not a plain file"
    if raw.startswith((b"/", b"\\")) or re.match(rb"[A-Za-z]:", raw):
        return "has an absolute name"
    if b".." in re.split(rb"[/\\]", raw):
        return "leads out of the bundle"
    return (
        ""
        if NAME.fullmatch(raw.decode("latin-1"))
        else "has a name that is no plain path of letters, digits, dots, hyphens and underscores"
    )


def _flaw_of_kind(system: int, attributes: int, flags: int) -> str:
    kind = stat.S_IFMT(attributes >> 16) if system == UNIX else 0
    if kind not in {0, stat.S_IFREG} or attributes & FOLDER:
        return "is not a plain file"
    if flags & ENCRYPTED:
        return "is encrypted"
    if flags & STREAMED:
        return "was written as a stream, without its size in front; write it into a file"
    return "has flags that a bundle does not use" if flags & ~UTF8 else ""


def _flaw_of_bytes(method: int, packed: int, plain: int) -> str:
    if WIDE in {packed, plain}:
        return "says it has 4 GiB or more"
    return "is compressed; a bundle is stored as it is (zip -0)" if method != STORED or packed != plain else ""
