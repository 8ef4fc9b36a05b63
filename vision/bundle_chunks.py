"""Chunks of a bundle that is a file: pieces of a MiB that begin anew with each large member, so that what is the same in two bundles is."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from contracts.update import CHUNK_BYTES, Chunk
from vision.bundle_zip import ZipMembers

LARGE = CHUNK_BYTES  # a member that is smaller does not begin a chunk
LOCAL_BYTES, LENGTHS_AT = 30, 26  # of the header before a member, and of the lengths of its name and extra


def chunks_of(path: Path) -> list[Chunk]:
    """The whole file in its order. Chunks of the model are those that bundle.json lists, so a bundle in a folder has them too."""
    ZipMembers(path)  # every byte accounted for: what the zip says of itself may be used
    borders = [0, *_borders(path), path.stat().st_size]
    with path.open("rb") as file:
        pieces = (file.read(size) for size in _sizes(borders))
        return [Chunk(size=len(piece), sha256=hashlib.sha256(piece).hexdigest()) for piece in pieces]


def _borders(path: Path) -> Iterator[int]:
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        for info in sorted(archive.infolist(), key=lambda each: each.header_offset):
            if info.file_size < LARGE:
                continue
            file.seek(info.header_offset + LENGTHS_AT)
            lengths = file.read(4)
            begin = info.header_offset + LOCAL_BYTES + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
            yield begin
            yield begin + info.file_size


def _sizes(borders: list[int]) -> Iterator[int]:
    for begin, end in pairwise(borders):
        for at in range(begin, end, CHUNK_BYTES):
            yield min(CHUNK_BYTES, end - at)
