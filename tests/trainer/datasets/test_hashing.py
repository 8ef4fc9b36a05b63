from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.errors import ProtocolError
from dataset.exporter import Exporter
from dataset.formats.known import open_reader, open_writer
from dataset.items import Item, Origin
from dataset.native import NativeReader
from tests.dataset import made
from tests.dataset.scenery import about, fill, seen, view
from tests.trainer.datasets.sets import ListReader, pictures
from trainer.datasets.hashing import roots_of
from trainer.datasets.merkle import leaf_of, root_of
from trainer.datasets.record import content, lineage


def root(items: Sequence[Item]) -> str:
    return roots_of(ListReader(items), threads=2).root


def test_the_root_is_that_of_the_definition(tmp_path: Path) -> None:
    """Computed by hand for three items, as docs/design/ingest.md says it."""
    items = pictures(tmp_path, 1, 3)
    label = '{"box":[BOX,200,600,700],"category":"cat","confidence":0.5,"source":"detection"}'
    record = '{"exhaustive_for":null,"ignore":[],"labels":[LABEL],"picture":"FILE","size":[64,48],"v":1}\n'.replace("LABEL", label)
    files = [sha256(b"picture %d" % n).hexdigest() for n in range(3)]
    records = [record.replace("BOX", str(100 + 100 * n)).replace("FILE", file) for n, file in enumerate(files)]
    leaves = sorted(sha256(b"\0" + each.encode()).digest() for each in records)
    pair = sha256(b"\1" + leaves[0] + leaves[1]).digest()
    assert root(items) == "sha256:" + sha256(b"\1" + pair + leaves[2]).hexdigest()
    assert root([]) == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(order=st.permutations(range(7)), names=st.lists(made.stems, min_size=7, max_size=7, unique=True))
def test_order_and_names_and_places_do_not_matter(tmp_path: Path, order: list[int], names: list[str]) -> None:
    items = pictures(tmp_path, 1, 7)
    moved = tmp_path / "elsewhere"
    moved.mkdir(exist_ok=True)
    others = []
    for n in order:
        path = moved / f"{n}"
        path.write_bytes(items[n].path.read_bytes() if items[n].path else b"")
        others.append(replace(items[n], id=names[n], file=f"{names[n]}.png", path=path, number=n, split="val", phash=None, near=("x",)))
    assert root(others) == root(items)


@settings(max_examples=60)
@given(data=st.data())
def test_labels_in_any_order_are_the_same_and_any_change_is_another(data: st.DataObject) -> None:
    item = data.draw(made.items("one", ["cat", "dog"]))
    labels = data.draw(st.permutations(item.labels))
    assert content(replace(item, labels=tuple(labels)), "ab") == content(item, "ab")
    assert content(item, "ab") != content(item, "ac")
    assert content(replace(item, width=item.width + 1), "ab") != content(item, "ab")
    for n, label in enumerate(item.labels):
        x, y, w, h = label.box
        for other in (
            replace(label, box=(x + 0.01, y, w, h)),
            replace(label, category=label.category + "x"),
            replace(label, crowd=not label.crowd),
            replace(label, verified=not label.verified),
            replace(label, attributes={**label.attributes, "more": 1}),
        ):
            changed = (*item.labels[:n], other, *item.labels[n + 1 :])
            assert content(replace(item, labels=changed), "ab") != content(item, "ab")
    without = replace(item, exhaustive_for=None)
    assert content(replace(item, exhaustive_for=()), "ab") != content(without, "ab")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(number=st.integers(0, 4), bit=st.integers(0, 8 * 8 - 1))
def test_one_bit_of_one_picture_changes_the_root(tmp_path: Path, number: int, bit: int) -> None:
    items = pictures(tmp_path, 1, 5)
    before = root(items)
    path = tmp_path / f"{number}.png"
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    assert root(items) != before


@given(leaves=st.lists(st.binary(min_size=1, max_size=4), max_size=20), more=st.binary(min_size=1, max_size=4))
def test_one_more_or_one_twice_is_another_root(leaves: list[bytes], more: bytes) -> None:
    made_of = [leaf_of(each) for each in leaves]
    assert root_of([*made_of, leaf_of(more)]) != root_of(made_of)
    assert root_of(reversed(made_of)) == root_of(made_of)


def test_a_node_is_no_leaf() -> None:
    """Without the first byte a tree of two would be one item with a made-up record."""
    a, b = leaf_of(b"a"), leaf_of(b"b")
    low, high = sorted([a, b])
    assert root_of([a, b]) != root_of([leaf_of(low + high)])


@pytest.mark.parametrize("name", ["coco", "cvat", "voc", "yolo"])
def test_the_root_is_that_of_every_format_that_holds_what_is_said(tmp_path: Path, name: str) -> None:
    """Boxes of a class: all formats can say that."""
    items = []
    for n in range(6):
        item = made.with_picture(Item(f"i{n}", f"{n}.png", 64, 48, pictures(tmp_path / "x", 1, 6)[n].labels), tmp_path / "in")
        items.append(replace(item, labels=tuple(replace(each, confidence=None, source="") for each in item.labels)))
    categories = ListReader(items).categories
    made.write(open_writer(tmp_path / "out", name, categories), items)
    reader = open_reader(tmp_path / "out", name)
    assert roots_of(reader).root == root(items)
    reader.close()


def test_a_set_of_a_box_and_what_it_is_converted_to_have_one_root_and_one_lineage(tmp_path: Path) -> None:
    with Exporter(tmp_path / "set") as exporter:
        fill(exporter, range(6))
        exporter.add(view(3), [seen("car")], about(1000, session="two"))
    reader = NativeReader(tmp_path / "set")
    roots = roots_of(reader)
    assert roots.items == 6
    writer = open_writer(tmp_path / "coco", "coco", list(reader.categories))
    again = NativeReader(tmp_path / "set")
    made.write(writer, again)
    again.close()
    coco = open_reader(tmp_path / "coco")
    assert roots_of(coco) == roots
    reader.close()
    coco.close()


def test_lineage_changes_with_box_and_session_and_the_root_does_not(tmp_path: Path) -> None:
    items = pictures(tmp_path, 1, 2)
    one = roots_of(ListReader(items))
    other = roots_of(ListReader([items[0], replace(items[1], origin=replace(items[1].origin, device="yard-2"))]))
    assert (one.root, one.lineage == other.lineage) == (other.root, False)
    assert lineage(items[0], b"x") != lineage(replace(items[0], origin=Origin()), b"x")


def test_what_cannot_be_hashed_is_refused_by_name(tmp_path: Path) -> None:
    items = pictures(tmp_path, 1, 3)
    os.mkfifo(tmp_path / "pipe")
    for wrong, words in (
        (replace(items[1], path=None), "its picture is not there"),
        (replace(items[1], path=tmp_path / "gone.png"), "No such file"),
        (replace(items[1], path=tmp_path / "pipe"), "is not a plain file"),
        (replace(items[1], sha256="0" * 64), "is not the file that was put there"),
    ):
        with pytest.raises(ProtocolError, match=words):
            root([items[0], wrong, items[2]])
