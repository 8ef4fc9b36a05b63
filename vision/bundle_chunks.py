"""Chunks of a bundle that is a file: pieces that begin anew with each large member, so that what is the same in two bundles is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from contracts.update import CHUNK_BYTES, Chunk
from vision.bundle_zip import ZipMembers

LEAST_BYTES, MANY = 64 << 10, 64


def grid_of(size: int) -> int:
    """Bytes of a chunk: so few that little is fetched where little changed, so many that the list, which is signed, stays short."""
    grid = LEAST_BYTES
    while grid < CHUNK_BYTES and size > grid * MANY:
        grid *= 2
    return grid


def chunks_of(path: Path, grid: int | None = None) -> list[Chunk]:
    """The whole file in its order. Those of the model are the same wherever it stands in the file, or beside it in a folder."""
    size = path.stat().st_size
    grid = grid or grid_of(size)
    return cut(path, [0, *_borders(ZipMembers(path), grid), size], grid)


def cut(path: Path, borders: Sequence[int], grid: int) -> list[Chunk]:
    """From border to border by the grid."""
    with path.open("rb") as file:
        pieces = (file.read(size) for size in _sizes(borders, grid))
        return [Chunk(size=len(piece), sha256=hashlib.sha256(piece).hexdigest()) for piece in pieces]


def _borders(members: ZipMembers, grid: int) -> Iterator[int]:
    """A member that is smaller than a chunk does not begin one."""
    for begin, end in members.spans:
        if end - begin >= grid:
            yield begin
            yield end


def _sizes(borders: Sequence[int], grid: int) -> Iterator[int]:
    for begin, end in pairwise(borders):
        for at in range(begin, end, grid):
            yield min(grid, end - at)
