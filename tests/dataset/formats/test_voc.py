"""Pascal VOC: the development kit's pixels, flags and lists; hostile XML is refused, one bad file loses no other."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from contracts.errors import ConfigError
from dataset.formats.voc_read import VocReader
from dataset.formats.voc_write import HOLDS, VocWriter
from dataset.holds import held
from dataset.items import Category, Item, Label
from tests.dataset import made

TOLERANCE_PX = 1e-5
GOOD = """<annotation><filename>good.jpg</filename><size><width>500</width><height>400</height><depth>3</depth></size>
<object><name>dog</name><bndbox><xmin>48</xmin><ymin>240</ymin><xmax>195</xmax><ymax>371</ymax></bndbox></object></annotation>"""


def widened(item: Item) -> Item:
    """The kit's smallest box is one pixel."""

    def label(given: Label) -> Label:
        x, y, width, height = given.box
        if width >= 1 and height >= 1:
            return given
        width, height = max(width, 1.0), max(height, 1.0)
        return replace(given, box=(max(min(x, item.width - width), 0.0), max(min(y, item.height - height), 0.0), width, height))

    return replace(item, labels=tuple(map(label, item.labels)))


@settings(max_examples=25, deadline=None)
@given(made.sets())
def test_what_it_holds_survives_the_way_out_and_in(given_set: tuple[list[Category], list[Item]]) -> None:
    categories, items = given_set
    with tempfile.TemporaryDirectory() as name:
        made.write(VocWriter(Path(name) / "out", categories), items)
        if not items:
            return
        classes, found = made.read(VocReader(Path(name) / "out"))
    assert classes == [each.name for each in categories]
    back = {item.file: made.neutral(item) for item in found}
    assert len(back) == len(items)
    assert all(made.close(widened(held(item, HOLDS)), back[item.file], TOLERANCE_PX) for item in items)


def one(tmp_path: Path, text: str | bytes) -> VocReader:
    """A set of this annotation and a good one."""
    folder = tmp_path / "Annotations"
    folder.mkdir()
    (folder / "good.xml").write_text(GOOD)
    (folder / "a.xml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return VocReader(tmp_path)


def test_pixels_count_from_1_and_both_corners_belong_to_the_box(tmp_path: Path) -> None:
    """The kit's 2007_000027 style: a box over all of the picture is 1, 1, width, height."""
    item = Item("a", "a.jpg", 500, 400, (Label((0, 0, 500, 400), "all"), Label((47, 239, 148, 132), "dog")))
    made.write(VocWriter(tmp_path / "out"), [item])
    text = (tmp_path / "out/Annotations/a.xml").read_text()
    assert "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>500</xmax><ymax>400</ymax></bndbox>" in text
    assert "<bndbox><xmin>48</xmin><ymin>240</ymin><xmax>195</xmax><ymax>371</ymax></bndbox>" in text
    assert made.read(one(tmp_path, GOOD))[1][1].labels[0].box == (47, 239, 148, 132)


def test_splits_are_lists_of_names_without_ending(tmp_path: Path) -> None:
    items = [Item("a", "yard/a.jpg", 9, 9, split="train"), Item("b", "b.jpg", 9, 9, split="val")]
    made.write(VocWriter(tmp_path / "out", [Category("cat", 1)]), items)
    assert (tmp_path / "out/ImageSets/Main/train.txt").read_text() == "yard/a\n"
    assert (tmp_path / "out/labelmap.txt").read_text() == "# label:color_rgb:parts:actions\ncat:::\n"


def test_the_kits_own_lists_with_flags_are_understood(tmp_path: Path) -> None:
    reader = one(tmp_path, GOOD.replace("good", "a"))
    (tmp_path / "ImageSets/Main").mkdir(parents=True)
    (tmp_path / "ImageSets/Main/train.txt").write_text("a  1\ngood -1\n")
    reader = VocReader(tmp_path)
    assert [(item.file, item.split) for item in reader] == [("a.jpg", "train"), ("good.jpg", "train")]


def test_a_folder_of_annotations_beside_their_pictures_is_read(tmp_path: Path) -> None:
    (tmp_path / "good.xml").write_text(GOOD)
    (tmp_path / "good.jpg").write_bytes(b"x")
    assert [item.path for item in VocReader(tmp_path)] == [tmp_path.resolve() / "good.jpg"]


LAUGHS = '<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;&l;&l;&l;&l;&l;&l;">]><annotation><filename>&m;</filename></annotation>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><filename>&x;</filename></annotation>'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LAUGHS, "xml"),
        (OUTSIDE, "xml"),
        ("", "xml"),
        ("<annotation>", "xml"),
        ("<other/>", "xml"),
        (b"\xff\xfe<annotation/>", "xml"),
        (b"<?xml version='1.0' encoding='utf-99'?><annotation/>", "xml"),
        ("<annotation>" + "x" * (5 << 20) + "</annotation>", "xml"),
        ("<annotation/>", "size"),
        (GOOD.replace("good.jpg", "../../etc/passwd"), "file name"),
        (GOOD.replace("good.jpg", "/etc/passwd"), "file name"),
        (GOOD.replace(">500<", ">-1<"), "size"),
        (GOOD.replace(">500<", ">1e400<"), "size"),
        (GOOD.replace(">48<", ">nan<"), "box"),
        (GOOD.replace(">48<", ">inf<"), "box"),
        (GOOD.replace(">48<", "><"), "box"),
        (GOOD.replace(">48<", ">300<"), "box"),
        (GOOD.replace("dog", ""), "name"),
        (GOOD.replace("dog", "d" * 200), "name"),
        (GOOD.replace("<bndbox>", "<a>").replace("</bndbox>", "</a>"), "box"),
    ],
)
def test_a_bad_annotation_is_skipped_and_the_next_one_is_not(tmp_path: Path, text: str | bytes, reason: str) -> None:
    reader = one(tmp_path, text)
    assert [item.file for item in reader] == ["good.jpg"]
    assert reader.findings.skipped == {reason: 1}
    assert reader.findings.told[0].where.endswith("a.xml")


def test_brackets_in_each_other_without_end_are_refused(tmp_path: Path) -> None:
    reader = one(tmp_path, "<annotation>" + "<a>" * 300_000)
    assert [item.file for item in reader] == ["good.jpg"]


def test_an_annotation_that_is_linked_from_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.xml").write_text(GOOD)
    folder = tmp_path / "set"
    (folder / "Annotations").mkdir(parents=True)
    (folder / "Annotations/a.xml").symlink_to(tmp_path / "elsewhere.xml")
    reader = VocReader(folder)
    assert list(reader) == []
    assert reader.findings.skipped == {"file name": 1}


def test_pictures_come_along_and_those_of_one_stem_do_not_meet(tmp_path: Path) -> None:
    items = [made.with_picture(Item(name, name, n + 1, 9), tmp_path / "in") for n, name in enumerate(["a.png", "a.jpg"])]
    made.write(VocWriter(tmp_path / "out"), items)
    found = made.read(VocReader(tmp_path / "out"))[1]
    assert sorted((item.width, item.path.read_bytes() == made.png(item.width, 9)) for item in found if item.path) == [(1, True), (2, True)]


def test_a_folder_without_annotations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Annotations"):
        VocReader(tmp_path)
