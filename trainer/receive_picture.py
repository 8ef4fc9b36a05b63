"""A picture on its way in: fetched into a part that survives us, and taken only when its pixels are those it is named by."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from contracts.dataset import Record
from contracts.errors import HardwareError, ProtocolError
from contracts.files import make_folders, storage
from dataset.layout import checked, read_small
from dataset.phash import phash
from dataset.picture import image_id, pixels
from trainer.receive_box import Backoff, Box

PNG = b"\x89PNG\r\n\x1a\n"
PART = re.compile(r"[0-9a-f]{64}\.part")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that was checked; digest and size are its own, whatever the record says."""

    part: Path
    bytes: int
    sha256: str
    phash: int


def parts(root: Path) -> Path:
    """The folder of what is under way; `incoming` is emptied whenever a data set is opened."""
    folder = root / "receiving"
    with storage(folder):
        make_folders(folder)
        for path in folder.iterdir():
            if path.is_symlink() or not PART.fullmatch(path.name):
                raise ProtocolError(f"{path}: is not a part of a picture; remove it")
    return folder


def fetch(box: Box, name: str, record: Record, folder: Path, backoff: Backoff, tick: Callable[[int], None]) -> Arrived | None:
    """None: the box does not have it any more. ProtocolError: what came is another picture, also when it was fetched anew."""
    part = folder / f"{checked(record.image_id)}.part"
    for anew in (False, True):
        if not backoff.until_done(lambda: box.picture(name, record, part, tick), lambda: size_of(part)):
            part.unlink(missing_ok=True)
            return None
        try:
            return check(record, part, box.where)
        except ProtocolError:
            part.unlink(missing_ok=True)
            if anew:  # the first time its beginning may have been of before a power cut, or of another box
                raise
    raise AssertionError("the second try returns or raises")


def size_of(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def check(record: Record, part: Path, where: str) -> Arrived:
    """By its pixels, which is what it is named by: a box that encoded it anew has another file of the same picture."""
    data = read_small(part)
    digest = sha256(data).hexdigest()
    try:
        image = pixels(data, record.image)
    except HardwareError as error:
        raise ProtocolError(f"{where}: {record.image} is not a picture ({len(data)} bytes came)") from error
    if not data.startswith(PNG) or image_id(image) != record.image_id or image.shape[:2] != (record.height, record.width):
        raise ProtocolError(f"{where}: {record.image} is not the picture it is named by; the box, or somebody between, changed it")
    return Arrived(part, len(data), digest, phash(image))


def clear(folder: Path, wanted: set[str]) -> int:
    """Parts that nobody waits for, e.g. of a box that is no more; how many."""
    left = [path for path in folder.iterdir() if PART.fullmatch(path.name) and path.stem not in wanted]
    for path in left:
        path.unlink()
    return len(left)
