"""Items of every shape: hypothesis strategies, small pictures, and sets that are written and read again."""

from __future__ import annotations

import string
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from struct import pack

from hypothesis import strategies as st

from dataset.items import Box, Category, Item, Label, Origin, Reader, Value, Writer

# letters that trouble: quotes, XML's and YAML's own, other scripts; blanks only inside
LETTERS = string.ascii_letters + string.digits + "-_.,:;#'\"<>&%{}[]|\\*!? äßñ中𝄞"
names = st.text(LETTERS, min_size=1, max_size=12).filter(lambda name: name == name.strip())
stems = st.text(string.ascii_letters + string.digits + "-_ .ä&'#", min_size=1, max_size=10).filter(
    lambda name: name == name.strip(" .") and not name.startswith(".")
)
# as fine as text formats write them
fractions = st.integers(0, 4_000_000).map(lambda n: n / 1000)
unit = st.integers(0, 1000).map(lambda n: n / 1000)
numbers = st.integers(0, (1 << 53) - 1)


def boxes(width: int, height: int) -> st.SearchStrategy[Box]:
    """Inside, across the edges and outside."""
    x = st.integers(-3 * width * 100, 3 * width * 100).map(lambda n: n / 100)
    y = st.integers(-3 * height * 100, 3 * height * 100).map(lambda n: n / 100)
    wide, high = (st.integers(1, 3 * side * 100).map(lambda n: n / 100) for side in (width, height))
    return st.tuples(x, y, wide, high)


def values() -> st.SearchStrategy[Value]:
    text = st.text(LETTERS + "\n\t", max_size=12)
    number = st.floats(allow_nan=False, allow_infinity=False, width=32)
    return st.one_of(text, st.booleans(), st.integers(-(1 << 53) + 1, (1 << 53) - 1), number)


def attributes() -> st.SearchStrategy[dict[str, Value]]:
    return st.dictionaries(names.filter(lambda name: not name.startswith("vedette")), values(), max_size=3)


def labels(width: int, height: int, classes: list[str]) -> st.SearchStrategy[Label]:
    return st.builds(
        Label,
        boxes(width, height),
        st.sampled_from(classes),
        confidence=st.none() | unit,
        source=st.just("") | names,
        verified=st.booleans(),
        point=st.none() | st.tuples(fractions, fractions),
        track=st.none() | st.integers(0, 1000),
        crowd=st.booleans(),
        difficult=st.booleans(),
        truncated=st.booleans(),
        occluded=st.booleans(),
        observation=st.just("") | names,
        attributes=attributes(),
    )


def origins() -> st.SearchStrategy[Origin]:
    text = st.just("") | names
    return st.builds(
        Origin, text, text, text, text, wall_ns=st.none() | st.integers(0, 1 << 60), reason=text, probability=st.none() | unit
    )


@st.composite
def items(draw: st.DrawFn, stem: str, classes: list[str]) -> Item:
    width, height = draw(st.integers(1, 300)), draw(st.integers(1, 300))
    ignored = boxes(width, height)
    return Item(
        id=f"id-{stem}",
        file=f"{stem}.png",
        width=width,
        height=height,
        labels=tuple(draw(st.lists(labels(width, height, classes), max_size=4))),
        split=draw(st.sampled_from(["", "train", "val", "test"])),
        ignore=tuple(draw(st.lists(ignored, max_size=2))),
        exhaustive_for=draw(st.none() | st.lists(st.sampled_from(classes), max_size=3, unique=True).map(tuple)),
        attributes=draw(attributes()),
        sequence=draw(st.just("") | names),
        frame=draw(st.none() | st.integers(0, 1 << 40)),
        origin=draw(origins()),
        sha256=draw(st.just("") | st.just("ab" * 32)),
        phash=draw(st.none() | st.integers(0, (1 << 64) - 1)),
        near=tuple(draw(st.lists(names, max_size=2))),
    )


@st.composite
def sets(draw: st.DrawFn) -> tuple[list[Category], list[Item]]:
    """Classes, some of which may label nothing, and pictures."""
    classes = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    files = draw(st.lists(stems, max_size=4, unique_by=str.casefold))
    categories = [Category(name, number) for number, name in enumerate(classes, 1)]
    return categories, [draw(items(stem, classes)) for stem in files]


def png(width: int, height: int) -> bytes:
    """A grey picture, by hand: it must be small and quick, not interesting."""
    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    chunks = ((b"IHDR", pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    parts = (pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body)) for kind, body in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def with_picture(item: Item, folder: Path) -> Item:
    path = folder / item.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(item.width, item.height))
    return replace(item, path=path)


def write(writer: Writer, items: Iterable[Item]) -> None:
    for item in items:
        writer.write(item)
    writer.close()


def read(reader: Reader) -> tuple[list[str], list[Item]]:
    """Names of classes and items; whatever was skipped fails the test."""
    found = list(reader)
    assert not reader.findings.skipped, reader.findings.told
    classes = [each.name for each in reader.categories]
    reader.close()
    return classes, found


def neutral(item: Item) -> Item:
    """Without what belongs to the disk and not to the labels, boxes as fine as they are compared."""
    return replace(item, path=None, number=None, labels=tuple(replace(label, number=None) for label in item.labels))


def rounded(item: Item, digits: int) -> Item:
    def box(label: Label) -> Label:
        x, y, width, height = (round(value, digits) + 0.0 for value in label.box)
        return replace(label, box=(x, y, width, height))

    return replace(item, labels=tuple(box(label) for label in item.labels))


def close(one: Item, other: Item, tolerance_px: float) -> bool:
    """Equal but for boxes and points, which lie as near."""
    if len(one.labels) != len(other.labels):
        return False
    pairs = list(zip(one.labels, other.labels, strict=True))
    near: Callable[[Label, Label], bool] = lambda a, b: max(abs(p - q) for p, q in zip(a.box, b.box, strict=True)) <= tolerance_px  # noqa: E731
    same = replace(one, labels=tuple(replace(a, box=b.box) for a, b in pairs)) == other
    return same and all(near(a, b) for a, b in pairs)
