"""CVAT for images: every box, attribute and click survives; hostile XML is refused, one bad picture loses no other."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from contracts.errors import ConfigError, ProtocolError
from dataset.formats.cvat_read import CvatReader
from dataset.formats.cvat_write import HOLDS, CvatWriter
from dataset.holds import held
from dataset.items import Category, Item, Label
from tests.dataset import made
from tests.memory import at_most_mib

TOLERANCE_PX = 2e-6


@settings(max_examples=25, deadline=None)
@given(made.sets())
def test_what_it_holds_survives_the_way_out_and_in(given_set: tuple[list[Category], list[Item]]) -> None:
    categories, items = given_set
    with tempfile.TemporaryDirectory() as name:
        made.write(CvatWriter(Path(name) / "out", categories), items)
        classes, found = made.read(CvatReader(Path(name) / "out"))
    assert classes == [each.name for each in categories]
    back = {item.file: made.neutral(item) for item in found}
    assert len(back) == len(items)
    assert all(made.close(held(item, HOLDS), back[item.file], TOLERANCE_PX) for item in items)


def xml(*shapes: str, image: str = 'id="0" name="a.jpg" width="640" height="480"') -> str:
    labels = "<label><name>cat</name><attributes/></label>"
    good = '<image id="9" name="good.jpg" width="640" height="480"></image>'
    meta = f"<meta><task><size>2</size><labels>{labels}</labels></task></meta>"
    return f"<annotations><version>1.1</version>{meta}<image {image}>{''.join(shapes)}</image>{good}</annotations>"


def one(tmp_path: Path, text: str) -> CvatReader:
    (tmp_path / "annotations.xml").write_text(text)
    return CvatReader(tmp_path)


BOX = '<box label="cat" xtl="1" ytl="2" xbr="4" ybr="6" occluded="1" source="manual"><attribute name="color">red</attribute></box>'


def test_a_box_of_cvats_own_is_read(tmp_path: Path) -> None:
    reader = one(tmp_path, xml(BOX, image='id="0" name="a.jpg" subset="Train" width="640" height="480"'))
    item = next(iter(reader))
    assert item.labels == (Label((1, 2, 3, 4), "cat", source="manual", occluded=True, attributes={"color": "red"}),)
    assert (item.split, reader.total) == ("train", 2)


def test_a_click_is_a_point_in_a_group_with_its_box(tmp_path: Path) -> None:
    item = Item("a", "a.jpg", 64, 48, (Label((1, 2, 30, 40), "cat", point=(16, 22), verified=True, source="click"),))
    made.write(CvatWriter(tmp_path / "out"), [item])
    text = (tmp_path / "out/annotations.xml").read_text()
    assert '<points label="cat" source="manual" occluded="0" points="16,22" z_order="0" group_id="1"/>' in text
    assert made.read(CvatReader(tmp_path / "out"))[1][0].labels == item.labels


def test_a_point_that_stands_alone_becomes_the_box_a_click_gives_cut_at_the_edge(tmp_path: Path) -> None:
    label = next(iter(one(tmp_path, xml('<points label="cat" points="10,100"/>')))).labels[0]
    assert label == Label((0, 75, 35, 50), "cat", point=(10, 100), verified=True, source="click")


def test_other_shapes_are_kept_as_the_box_around_them_and_counted(tmp_path: Path) -> None:
    shapes = (
        '<polygon label="cat" points="1,2;5,2;5,9"/>',
        '<box label="cat" xtl="0" ytl="0" xbr="4" ybr="2" rotation="90"/>',
        '<ellipse label="cat" cx="5" cy="5" rx="2" ry="3"/>',
        '<mask label="cat" rle="1" left="1" top="2" width="3" height="4"/>',
        '<tag label="cat"/>',
    )
    reader = one(tmp_path, xml(*shapes))
    boxes = [label.box for label in next(iter(reader)).labels]
    assert boxes == [(1, 2, 4, 7), pytest.approx((1, -1, 2, 4)), (3, 2, 4, 6), (1, 2, 3, 4)]
    assert reader.findings.noted == {"polygon": 1, "rotation": 1, "ellipse": 1, "mask": 1, "tag": 1}
    assert reader.findings.clean


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (xml('<box label="cat" xtl="1" ytl="2" xbr="1" ybr="6"/>'), "box"),
        (xml('<box label="cat" xtl="nan" ytl="2" xbr="4" ybr="6"/>'), "box"),
        (xml('<box label="cat" xtl="-inf" ytl="2" xbr="4" ybr="6"/>'), "box"),
        (xml('<box label="cat" xtl="x" ytl="2" xbr="4" ybr="6"/>'), "box"),
        (xml('<box label="cat"/>'), "box"),
        (xml('<box label="" xtl="1" ytl="2" xbr="4" ybr="6"/>'), "name"),
        (xml('<star label="cat"/>'), "shape"),
        (xml('<polygon label="cat" points=""/>'), "shape"),
        (xml('<points label="cat" points="9999,9999"/>'), "point"),
        (xml(BOX.replace("color", "vedette_confidence")), "attributes"),
        (xml(BOX.replace("color", "vedette_confidence").replace("red", "7")), "confidence"),
        (xml(image='id="0" name="../a.jpg" width="640" height="480"'), "file name"),
        (xml(image='id="0" name="/etc/passwd" width="640" height="480"'), "file name"),
        (xml(image='id="0" name="a.jpg" width="0" height="480"'), "size"),
        (xml(image='id="0" name="a.jpg"'), "size"),
        (xml(*['<box label="cat" xtl="1" ytl="2" xbr="4" ybr="6"/>'] * 10_001), "labels"),
    ],
)
def test_a_bad_picture_is_skipped_and_the_next_one_is_not(tmp_path: Path, text: str, reason: str) -> None:
    reader = one(tmp_path, text)
    assert [item.file for item in reader] == ["good.jpg"]
    assert reader.findings.skipped == {reason: 1}
    assert "image 0" in reader.findings.told[0].where


LAUGHS = '<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;&l;&l;&l;">]><annotations><image name="&m;"></image></annotations>'


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        '<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><annotations/>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations><image name="a">&x;</image></annotations>',
        "",
        "<annotations>",
        "<other></other>",
        "<annotations><image></annotations>",
        "<annotations>" + "<a>" * 1000,
    ],
)
def test_a_hostile_or_damaged_document_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(ProtocolError, match=r"annotations\.xml"):
        list(one(tmp_path, text))


def test_an_element_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "annotations.xml"
    with path.open("w") as file:
        file.write('<annotations><image id="0" name="a" width="9" height="9"><box label="')
        for _ in range(64):
            file.write("x" * (1 << 20))
    with at_most_mib(120), pytest.raises(ProtocolError, match="more than"):
        list(CvatReader(path))


def test_a_split_has_a_file_of_its_name_which_is_how_datumaro_finds_it(tmp_path: Path) -> None:
    made.write(CvatWriter(tmp_path / "out"), [Item("a", "a.jpg", 9, 9, split="train"), Item("b", "b.jpg", 9, 9, split="val")])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["train.xml", "val.xml"]
    assert [(item.file, item.split) for item in CvatReader(tmp_path / "out")] == [("a.jpg", "train"), ("b.jpg", "val")]
    assert CvatReader(tmp_path / "out").total == 2


def test_a_folder_without_annotations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no XML"):
        CvatReader(tmp_path)
