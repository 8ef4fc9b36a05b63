"""TFRecord: read back by a decoder written apart, and held against bytes that are published."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset.findings import Findings
from dataset.formats import tfrecord_write
from dataset.formats.example import example, masked_crc, of_bytes, of_floats, of_ints, record
from dataset.formats.tfrecord_write import TfrecordWriter
from dataset.holds import clipped
from dataset.items import Category, Item, Label
from tests.dataset import made
from tests.dataset.formats.tfrecord import crc32c, decoded, records, unmasked

features = st.one_of(
    st.tuples(st.just(of_bytes), st.lists(st.binary(max_size=300), max_size=5)),
    st.tuples(st.just(of_ints), st.lists(st.integers(-(1 << 63), (1 << 63) - 1), max_size=5)),
    st.tuples(st.just(of_floats), st.lists(st.floats(width=32, allow_nan=False), max_size=5)),
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), features, max_size=5))
def test_any_features_are_read_back(given_features: dict[str, tuple[Callable[[Any], bytes], list[Any]]]) -> None:
    encoded = {name: kind(values) for name, (kind, values) in given_features.items()}
    assert decoded(example(encoded)) == {name: values for name, (_, values) in given_features.items()}


def test_a_feature_without_values_says_its_kind() -> None:
    """`Feature(float_list=FloatList())` of TensorFlow is these two bytes; readers look for the kind."""
    assert (of_bytes([]), of_floats([]), of_ints([])) == (b"\x0a\x00", b"\x12\x00", b"\x1a\x00")


def test_the_checksum_is_castagnolis_as_rfc_3720_gives_it() -> None:
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert unmasked(masked_crc(bytes(range(32)))) == crc32c(bytes(range(32))) == 0x46DD794E


def test_the_bytes_are_those_that_tensorflow_writes() -> None:
    """An Example of one feature, as protobuf's and TensorFlow's documentation lay it out."""
    message = example({"a": of_ints([1])})
    assert message == bytes.fromhex("0a0c 0a0a 0a0161 1205 1a03 0a0101".replace(" ", ""))
    assert record(b"")[:8] == bytes(8)
    assert len(record(message)) == 8 + 4 + len(message) + 4


@settings(max_examples=30, deadline=None)
@given(made.sets())
def test_what_it_holds_is_in_the_record(given_set: tuple[list[Category], list[Item]]) -> None:
    categories, items = given_set
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        items = [made.with_picture(item, folder / "in") for item in items]
        made.write(TfrecordWriter(folder / "out", categories), items)
        rows = [decoded(each) for path in (folder / "out").glob("*.tfrecord-*") for each in records(path)]
        found = {row["image/source_id"][0].decode(): row for row in rows}
    assert set(found) == {item.id for item in items}
    for item in items:
        check(item, found[item.id], [each.name for each in categories])


def check(item: Item, row: dict[str, list[object]], classes: list[str]) -> None:
    kept = [(label, box) for label in item.labels if (box := clipped(label.box, item.width, item.height))]
    picture = made.png(item.width, item.height)
    assert (row["image/width"], row["image/height"]) == ([item.width], [item.height])
    assert (row["image/encoded"], row["image/format"]) == ([picture], [b"png"])
    assert row["image/key/sha256"] == [sha256(picture).hexdigest().encode()]
    assert row["image/object/class/text"] == [label.category.encode() for label, _ in kept]
    assert row["image/object/class/label"] == [classes.index(label.category) + 1 for label, _ in kept]
    assert row["image/object/difficult"] == [int(label.difficult) for label, _ in kept]
    assert row["image/object/track"] == [-1 if label.track is None else label.track for label, _ in kept]
    assert row["image/object/bbox/xmin"] == pytest.approx([box[0] / item.width for _, box in kept], abs=1e-6)
    assert row["image/object/bbox/ymax"] == pytest.approx([(box[1] + box[3]) / item.height for _, box in kept], abs=1e-6)


def test_a_full_shard_is_followed_by_the_next_and_all_know_how_many_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfrecord_write, "SHARD_BYTES", 2000)
    items = [made.with_picture(Item(str(n), f"{n}.png", 9, 9, split="train"), tmp_path / "in") for n in range(9)]
    made.write(TfrecordWriter(tmp_path / "out"), items)
    names = sorted(path.name for path in (tmp_path / "out").glob("*tfrecord*"))
    assert names == [f"train.tfrecord-{n:05d}-of-{len(names):05d}" for n in range(len(names))]
    assert len(names) > 1
    ids = [decoded(each)["image/source_id"][0] for name in names for each in records(tmp_path / "out" / name)]
    assert ids == [b"%d" % n for n in range(9)]


def test_an_item_without_its_picture_is_said_and_the_next_is_written(tmp_path: Path) -> None:
    findings = Findings()
    items = [Item("a", "a.png", 9, 9), made.with_picture(Item("b", "b.png", 9, 9), tmp_path / "in")]
    made.write(TfrecordWriter(tmp_path / "out", findings=findings), items)
    assert findings.skipped == {"picture": 1}
    assert len(list(records(tmp_path / "out/default.tfrecord-00000-of-00001"))) == 1


def test_the_label_map_quotes_names(tmp_path: Path) -> None:
    item = Item("a", "a.png", 9, 9, (Label((1, 1, 2, 2), "dog"),))
    made.write(TfrecordWriter(tmp_path / "out", [Category('a "cat"', 1)], "none"), [item])
    rows = 'item {\n  id: 1\n  name: "a \\"cat\\""\n}\nitem {\n  id: 2\n  name: "dog"\n}\n'
    assert (tmp_path / "out/label_map.pbtxt").read_text() == rows
