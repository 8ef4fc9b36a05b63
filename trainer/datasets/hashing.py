"""Hashing: the roots of a data set, its pictures read by several threads while the labels are."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path
from threading import local

from contracts.errors import ProtocolError
from dataset.convert import Tick
from dataset.items import Item, Reader
from trainer.datasets.merkle import leaf_of, root_of
from trainer.datasets.record import content, lineage

EACH = 32  # items that a thread takes at once
BUFFER = 1 << 20
OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe would be waited for
_thread = local()


@dataclass(frozen=True, slots=True)
class Roots:
    """`root` is of pictures and labels, `lineage` of where they come from."""

    root: str
    lineage: str
    items: int
    labels: int
    bytes: int  # of all pictures


@dataclass(frozen=True, slots=True)
class Hashed:
    """One item and its leaf."""

    item: Item
    picture: str
    size: int
    leaf: bytes


@dataclass
class Gathered:
    """What the roots are made of, while items pass by."""

    leaves: list[bytes] = field(default_factory=list)
    origins: list[bytes] = field(default_factory=list)
    labels: int = 0
    size: int = 0

    def add(self, each: Hashed) -> None:
        self.leaves.append(each.leaf)
        self.origins.append(leaf_of(lineage(each.item, each.leaf)))
        self.labels += len(each.item.labels)
        self.size += each.size

    def roots(self) -> Roots:
        return Roots(root_of(self.leaves), root_of(self.origins), len(self.leaves), self.labels, self.size)


def hashed(reader: Reader, threads: int | None = None) -> Iterator[Hashed]:
    """Every item with its leaf, in the order of the set. ProtocolError for one whose picture is not there or not what was put there."""
    count = threads or min(8, 2 * (os.cpu_count() or 1))  # half of them wait for the disk
    waiting: deque[Future[list[Hashed]]] = deque()
    items = iter(reader)
    with ThreadPoolExecutor(count, thread_name_prefix="hash") as pool:
        try:
            while chunk := list(islice(items, EACH)):
                waiting.append(pool.submit(_chunk, chunk))
                if len(waiting) > 2 * count:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def roots_of(reader: Reader, tick: Tick = lambda _: None, threads: int | None = None) -> Roots:
    gathered = Gathered()
    for each in hashed(reader, threads):
        gathered.add(each)
        tick(len(gathered.leaves))
    return gathered.roots()


def _chunk(items: list[Item]) -> list[Hashed]:
    return [_hashed(item) for item in items]


def _hashed(item: Item) -> Hashed:
    if item.path is None:
        raise ProtocolError(f"{item.file}: its picture is not there; a data set is hashed with its pictures, bring it back")
    digest, size = _digest(item.path)
    if item.sha256 and digest != item.sha256:
        raise ProtocolError(f"{item.path}: is not the file that was put there (its SHA-256 differs); bring it back from a copy")
    return Hashed(item, digest, size, leaf_of(content(item, digest)))


def _digest(path: Path) -> tuple[str, int]:
    """SHA-256 of a plain file, and its size; the lock of the interpreter is not held while bytes are read and hashed."""
    buffer = getattr(_thread, "buffer", None)
    if buffer is None:
        buffer = _thread.buffer = bytearray(BUFFER)
    view, digest, size = memoryview(buffer), sha256(), 0
    try:
        handle = os.open(path, OPEN)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise ProtocolError(f"{path}: is not a plain file; remove it")
            while count := os.readv(handle, [view]):
                digest.update(view[:count])
                size += count
        finally:
            os.close(handle)
    except OSError as error:
        raise ProtocolError(f"{path}: {error.strerror}; bring the picture back, or remove its labels") from error
    return digest.hexdigest(), size
