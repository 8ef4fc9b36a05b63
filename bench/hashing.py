"""Hashing: the root of a data set of ten thousand pictures against reading them and against SHA-256 alone, whichever is slower."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from statistics import median

from bench import footage
from bench.report import Figure, report
from dataset.findings import Findings
from dataset.items import Category, Item, Label, Origin
from trainer.datasets.hashing import roots_of

PICTURE_KB = 400  # a PNG of 768x576, as a box keeps it
LABELS = 5


class Pictures:
    """A reader of files that were made for this."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths, self.findings = paths, Findings()

    @property
    def categories(self) -> Sequence[Category]:
        return [Category("car", 1)]

    @property
    def total(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[Item]:
        for n, path in enumerate(self.paths):
            labels = tuple(Label((k * 10.0, n % 100, 20.5, 30.25), "car", 0.5, "detection", track=n) for k in range(LABELS))
            yield Item(f"{n:064x}", path.name, 768, 576, labels, path, origin=Origin("yard", f"s{n // 500}", wall_ns=n))

    def close(self) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000, help="pictures (default 10000)")
    parser.add_argument("--kb", type=int, default=PICTURE_KB, help=f"of each (default {PICTURE_KB})")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    legs: dict[str, Callable[[Sequence[Path]], object]] = {"read": read, "sha256": digests, "root": root}
    taken: dict[str, list[float]] = {name: [] for name in legs}
    with tempfile.TemporaryDirectory(prefix="vedette-bench-", dir=footage.KEPT) as folder:
        paths = made(Path(folder), given.items, given.kb << 10)
        for number in range(given.rounds):
            for name, leg in legs.items():
                cold(paths)
                began = time.perf_counter()
                leg(paths)
                taken[name].append(time.perf_counter() - began)
                print(f"  {number + 1}/{given.rounds} {name}: {taken[name][-1]:.2f} s", flush=True)
    size = given.items * (given.kb << 10) / 1e6
    slower = [max(r, h) for r, h in zip(taken["read"], taken["sha256"], strict=True)]
    ratio = median(s / r for s, r in zip(slower, taken["root"], strict=True))
    figures = [
        Figure("the root, times the speed of reading or of SHA-256, whichever is slower", ratio, "", ">= 0.8"),
        Figure("the root of all pictures", median(taken["root"]), "s"),
        Figure("the root", size / median(taken["root"]), "MB/s"),
        Figure("reading alone, cold", size / median(taken["read"]), "MB/s"),
        Figure("SHA-256 alone, one thread, of a file in memory", size / median(taken["sha256"]), "MB/s"),
    ]
    report("hashing", figures, items=given.items, picture_bytes=given.kb << 10, seconds=taken)


def made(folder: Path, count: int, size: int) -> list[Path]:
    """Pictures of noise: nothing on the way can make them smaller."""
    paths = [folder / f"{n:06d}.png" for n in range(count)]
    for path in paths:
        path.write_bytes(os.urandom(size))
    os.sync()
    return paths


def cold(paths: Sequence[Path]) -> None:
    """Out of the page cache, so that the disk is measured too."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def read(paths: Sequence[Path]) -> int:
    return sum(len(path.read_bytes()) for path in paths)


def digests(paths: Sequence[Path]) -> int:
    """The hash's own speed: the same bytes again and again, one thread."""
    data = paths[0].read_bytes()
    return len({sha256(data).digest() for _ in paths})


def root(paths: Sequence[Path]) -> str:
    return roots_of(Pictures(paths)).root


if __name__ == "__main__":
    main()
