"""Chunks of a bundle that is a file: pieces of a MiB that begin anew with each large member, so that what is the same in two bundles is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from contracts.update import CHUNK_BYTES, Chunk
from vision.bundle_zip import ZipMembers

LARGE = CHUNK_BYTES  # a member that is smaller does not begin a chunk


def chunks_of(path: Path) -> list[Chunk]:
    """The whole file in its order. Chunks of the model are those that bundle.json lists, so a bundle in a folder has them too."""
    borders = [0, *_borders(ZipMembers(path)), path.stat().st_size]
    with path.open("rb") as file:
        pieces = (file.read(size) for size in _sizes(borders))
        return [Chunk(size=len(piece), sha256=hashlib.sha256(piece).hexdigest()) for piece in pieces]


def _borders(members: ZipMembers) -> Iterator[int]:
    for begin, end in members.spans:
        if end - begin >= LARGE:
            yield begin
            yield end


def _sizes(borders: list[int]) -> Iterator[int]:
    for begin, end in pairwise(borders):
        for at in range(begin, end, CHUNK_BYTES):
            yield min(CHUNK_BYTES, end - at)
