"""YOLO: boxes, classes and splits survive; what leads out of the set or is no label file is said and skipped."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings

from contracts.errors import ConfigError, ProtocolError
from dataset.findings import Findings
from dataset.formats.yolo_read import YoloReader, labels_of
from dataset.formats.yolo_write import HOLDS, YoloWriter
from dataset.holds import held
from dataset.items import Category, Item, Label
from tests.dataset import made

TOLERANCE_PX = 1e-6
CAT, DOG = Category("cat", 1), Category("dog", 2)


@settings(max_examples=25, deadline=None)
@given(made.sets())
def test_what_it_holds_survives_the_way_out_and_in(given_set: tuple[list[Category], list[Item]]) -> None:
    categories, items = given_set
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        items = [made.with_picture(item, folder / "in") for item in items]
        made.write(YoloWriter(folder / "out", categories), items)
        classes, found = made.read(YoloReader(folder / "out"))
    assert classes == [each.name for each in categories]
    back = {item.file: made.neutral(item) for item in found}
    assert len(back) == len(items)
    assert all(made.close(held(made.neutral(item), HOLDS), back[item.file], TOLERANCE_PX) for item in items)


def one(tmp_path: Path, text: str | None, size: tuple[int, int] = (100, 50)) -> YoloReader:
    """A set of one picture with this label file, beside a good one."""
    for name in ("a", "good"):
        made.with_picture(Item(name, f"images/train/{name}.png", *size), tmp_path)
    labels = tmp_path / "labels/train"
    labels.mkdir(parents=True)
    (labels / "good.txt").write_text("0 .5 .5 .5 .5")
    if text is not None:
        (labels / "a.txt").write_text(text)
    (tmp_path / "data.yaml").write_text("train: images/train\nnames: [cat, dog]\n")
    return YoloReader(tmp_path)


def test_a_line_is_class_centre_and_size_of_the_picture(tmp_path: Path) -> None:
    item = made.with_picture(Item("a", "a.png", 200, 100, (Label((20, 10, 100, 50), "dog"),), split="val"), tmp_path / "in")
    made.write(YoloWriter(tmp_path / "out", [CAT, DOG]), [item])
    assert (tmp_path / "out/labels/val/a.txt").read_text() == "1 0.35 0.35 0.5 0.5\n"
    assert yaml.safe_load((tmp_path / "out/data.yaml").read_text()) == {
        "path": ".",
        "val": "images/val",
        "nc": 2,
        "names": {0: "cat", 1: "dog"},
    }


def test_boxes_are_cut_only_at_the_edge_and_that_is_counted(tmp_path: Path) -> None:
    labels = (Label((-10, 0, 30, 10), "cat"), Label((500, 0, 30, 10), "cat"), Label((0, 0, 100, 50), "cat"))
    findings = Findings()
    writer = YoloWriter(tmp_path / "out", [CAT], "none", findings)
    made.write(writer, [Item("a", "a.png", 100, 50, labels)])
    assert (tmp_path / "out/labels/all/a.txt").read_text() == "0 0.1 0.1 0.2 0.2\n0 0.5 0.5 1 1\n"
    assert findings.noted == {"box cut at the edge": 1, "label outside of the picture dropped": 1}


def test_pictures_without_labels_have_an_empty_file(tmp_path: Path) -> None:
    made.write(YoloWriter(tmp_path / "out", [CAT], "none"), [Item("a", "a.png", 100, 50)])
    assert (tmp_path / "out/labels/all/a.txt").read_bytes() == b""


def test_pictures_that_differ_in_their_ending_only_do_not_share_a_label_file(tmp_path: Path) -> None:
    items = [Item(name, name, 9, 9, (Label((1, 1, n + 1, 2), "cat"),)) for n, name in enumerate(["a.png", "a.jpg"])]
    made.write(YoloWriter(tmp_path / "out"), [made.with_picture(item, tmp_path) for item in items])
    found = made.read(YoloReader(tmp_path / "out"))[1]
    assert sorted(round(item.labels[0].box[2]) for item in found) == [1, 2]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 .5 .5 .5", "label file"),
        ("cat .5 .5 .5 .5", "label file"),
        ("0 .5 .5 .5 x", "label file"),
        ("0.0 .5 .5 .5 .5", "label file"),
        ("ä", "label file"),
        ("2 .5 .5 .5 .5", "category"),
        ("-1 .5 .5 .5 .5", "category"),
        ("0 nan .5 .5 .5", "box"),
        ("0 .5 .5 inf .5", "box"),
        ("0 50 20 10 10", "box"),
        ("0 .5 .5 0 .5", "box"),
        ("0 .5 .5 .5 .5\n" * 10_001, "labels"),
        ("0" * 3_000_000, "label file"),
        ("9" * 5_000 + " 1 1 1 1", "label file"),
    ],
)
def test_a_bad_label_file_is_skipped_with_its_picture_and_the_next_one_is_not(tmp_path: Path, text: str, reason: str) -> None:
    reader = one(tmp_path, text)
    assert [item.file for item in reader] == ["good.png"]
    assert reader.findings.skipped == {reason: 1}
    assert "images/train/a.png" in reader.findings.told[0].where


def test_a_picture_without_a_label_file_is_background_and_said(tmp_path: Path) -> None:
    reader = one(tmp_path, None)
    assert [len(item.labels) for item in reader] == [0, 1]
    assert reader.findings.noted == {"no label file": 1}


def test_an_outline_becomes_the_box_around_it_and_a_sixth_word_a_confidence(tmp_path: Path) -> None:
    reader = one(tmp_path, "1 .1 .2 .5 .2 .5 .6\n0 .5 .5 .5 .5 .75\n")
    labels = next(iter(reader)).labels
    assert labels[0].box == pytest.approx((10, 10, 40, 20))
    assert labels[1].confidence == 0.75
    assert reader.findings.noted == {"outline": 1}


def test_a_file_that_is_no_picture_is_said(tmp_path: Path) -> None:
    reader = one(tmp_path, "")
    (tmp_path / "images/train/a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert [item.file for item in reader] == ["good.png"]
    assert reader.findings.skipped == {"picture": 1}


@pytest.mark.parametrize(
    "text",
    [
        "names: [a]\ntrain: ../..\n",
        "names: [a]\ntrain: /etc\n",
        "names: [a]\ntrain: nowhere\n",
    ],
)
def test_splits_lie_below_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"data\.yaml"):
        YoloReader(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "names: [a]",
        "train: .\nnames: {1: a}",
        "train: .\nnames: [a, a]",
        "train: .\nnames: [' ']",
        "train: .\nnames: 5",
        "train: [1]\nnames: [a]",
        "- x",
        "{",
        "[" * 300_000,
        "a: &a [1]\nb: [*a, *a]\nnames: [a]\ntrain: .",
        "train: .\nnames: !!python/object/apply:os.system [echo]",
    ],
)
def test_a_bad_data_yaml_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(ProtocolError, match=r"data\.yaml"):
        YoloReader(tmp_path)


def test_lists_of_files_and_the_layout_of_other_exporters_are_read(tmp_path: Path) -> None:
    for name in ("train/images/a.png", "val/images/b.png"):
        made.with_picture(Item(name, name, 10, 10), tmp_path)
    (tmp_path / "val.txt").write_text("./val/images/b.png\n/etc/passwd\n../x.png\n\n")
    (tmp_path / "train/labels").mkdir()
    (tmp_path / "train/labels/a.txt").write_text("0 .5 .5 1 1\n")
    (tmp_path / "data.yaml").write_text("path: /home/else\ntrain: ../train/images\nval: val.txt\nnames: {0: cat}\n")
    reader = YoloReader(tmp_path)
    found = {item.file: item for item in reader}
    assert [label.box for label in found["a.png"].labels] == [(0, 0, 10, 10)]
    assert {item.split for item in found.values()} == {"train", "val"}
    assert reader.findings.skipped == {"file name": 2}


def test_a_link_out_of_the_set_is_refused(tmp_path: Path) -> None:
    outside = made.with_picture(Item("x", "x.png", 9, 9), tmp_path / "outside").path
    assert outside is not None
    (tmp_path / "set/images").mkdir(parents=True)
    (tmp_path / "set/images/a.png").symlink_to(outside)
    (tmp_path / "set/data.yaml").write_text("train: images\nnames: [cat]\n")
    reader = YoloReader(tmp_path / "set")
    assert list(reader) == []
    assert reader.findings.skipped == {"file name": 1}


def test_the_label_file_lies_where_trainers_look_for_it() -> None:
    assert labels_of("images/train/yard/a.b.jpg") == "labels/train/yard/a.b.txt"
    assert labels_of("images/images/a.jpg") == "images/labels/a.txt"
    assert labels_of("a.jpg") == "a.txt"


def test_a_second_reading_is_the_same(tmp_path: Path) -> None:
    reader = one(tmp_path, "0 .5 .5 .5 .5\n")
    assert list(reader) == list(reader)
    assert reader.total == 2
    assert replace(next(iter(reader)), path=None).split == "train"
