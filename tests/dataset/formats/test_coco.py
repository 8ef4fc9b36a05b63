"""COCO: everything survives, any size is read in flat memory, what is broken is said and skipped."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import hotcoco
import pytest
from hypothesis import given, settings
from pycocotools.coco import COCO

from contracts.errors import ConfigError, ProtocolError
from dataset.findings import Findings
from dataset.formats.coco_read import CocoReader
from dataset.formats.coco_write import HOLDS, CocoWriter
from dataset.holds import held
from dataset.items import Category, Item, Label
from tests.dataset import made

IMAGE = {"id": 3, "file_name": "a.jpg", "width": 40, "height": 30}
LABEL = {"id": 7, "image_id": 3, "category_id": 2, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
CLASSES = [{"id": 2, "name": "dog", "supercategory": "animal"}]


def document(images: list[Any], annotations: list[Any], **more: Any) -> dict[str, Any]:
    return {"images": images, "annotations": annotations, "categories": CLASSES, **more}


def put(folder: Path, content: object) -> Path:
    path = folder / "coco.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@settings(max_examples=60, deadline=None)
@given(made.sets())
def test_everything_survives_the_way_out_and_in(given_set: tuple[list[Category], list[Item]]) -> None:
    categories, items = given_set
    with tempfile.TemporaryDirectory() as name:
        made.write(CocoWriter(Path(name) / "out", categories), items)
        classes, found = made.read(CocoReader(Path(name) / "out"))
    assert classes == [each.name for each in categories]
    by_id = {item.id: made.neutral(item) for item in found}
    assert by_id == {item.id: held(item, HOLDS) for item in items}


def test_numbers_that_ascend_are_kept(tmp_path: Path) -> None:
    labels = tuple(Label((1, 1, 2, 2), "cat", number=n) for n in (5, 9))
    items = [Item("a", "a.png", 9, 9, labels, number=4), Item("b", "b.png", 9, 9), Item("c", "c.png", 9, 9, number=90)]
    made.write(CocoWriter(tmp_path / "out"), items)
    _, found = made.read(CocoReader(tmp_path / "out"))
    assert [item.number for item in found] == [4, 5, 90]
    assert [label.number for label in found[0].labels] == [5, 9]


def test_the_same_set_is_the_same_bytes_and_more_of_it_changes_no_number(tmp_path: Path) -> None:
    items = [Item(str(n), f"{n}.png", 9, 9, (Label((1, 1, 2, 2), f"kind {n % 3}"),)) for n in range(10)]
    for name, count in (("one", 10), ("two", 10), ("less", 4)):
        made.write(CocoWriter(tmp_path / name), items[:count])
    one, two, less = (json.loads((tmp_path / name / "annotations/instances_default.json").read_text()) for name in ("one", "two", "less"))
    assert one == two
    assert less["images"] == one["images"][:4]
    assert less["annotations"] == one["annotations"][:4]


def test_ids_begin_at_1_and_area_and_iscrowd_are_there(tmp_path: Path) -> None:
    made.write(CocoWriter(tmp_path / "out"), [Item("x", "x.png", 9, 9, (Label((1, 1, 2, 3), "cat"),))])
    content = json.loads((tmp_path / "out/annotations/instances_default.json").read_text())
    assert [each["id"] for key in ("images", "annotations", "categories") for each in content[key]] == [1, 1, 1]
    assert (content["annotations"][0]["area"], content["annotations"][0]["iscrowd"]) == (6, 0)


def test_what_is_labelled_of_a_class_is_said_as_lvis_says_it(tmp_path: Path) -> None:
    item = Item("x", "x.png", 9, 9, (Label((1, 1, 2, 3), "cat"),), exhaustive_for=("dog",))
    made.write(CocoWriter(tmp_path / "out", [Category("cat", 1), Category("dog", 2)]), [item])
    image = json.loads((tmp_path / "out/annotations/instances_default.json").read_text())["images"][0]
    assert (image["neg_category_ids"], image["not_exhaustive_category_ids"]) == ([2], [1])


def test_splits_are_files_of_their_own_and_one_without_pictures_is_there_too(tmp_path: Path) -> None:
    made.write(CocoWriter(tmp_path / "out"), [Item("a", "a.png", 9, 9, split="train"), Item("b", "b.png", 9, 9, split="val")])
    assert sorted(path.name for path in (tmp_path / "out/annotations").iterdir()) == ["instances_train.json", "instances_val.json"]
    made.write(CocoWriter(tmp_path / "none"), [])
    assert made.read(CocoReader(tmp_path / "none")) == ([], [])


def test_files_that_tell_other_things_of_the_same_pictures_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    for name in ("instances_train2017", "captions_train2017", "image_info_train2017"):
        (tmp_path / f"annotations/{name}.json").write_text(json.dumps(document([IMAGE], [LABEL] if name[0] == "i" else [])))
    assert [(item.split, len(item.labels)) for item in CocoReader(tmp_path)] == [("train", 1)]


def test_pictures_come_along_and_are_found_again(tmp_path: Path) -> None:
    item = made.with_picture(Item("a", "yard/a.png", 9, 9), tmp_path / "in")
    made.write(CocoWriter(tmp_path / "out"), [item])
    _, found = made.read(CocoReader(tmp_path / "out"))
    assert found[0].path is not None
    assert found[0].path.read_bytes() == made.png(9, 9)


def test_a_picture_that_is_linked_from_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.jpg").symlink_to(tmp_path / "secret")
    others = [{**IMAGE, "id": 4, "file_name": "../secret"}, {**IMAGE, "id": 5, "file_name": "b.jpg"}]
    reader = CocoReader(put(folder, document([IMAGE, *others], [])))
    assert [item.file for item in reader] == ["b.jpg"]
    assert reader.findings.skipped == {"file name": 2}


BAD_IMAGES = [
    ({**IMAGE, "file_name": "/etc/passwd"}, "file name"),
    ({**IMAGE, "file_name": "a\u0000.jpg"}, "file name"),
    ({**IMAGE, "file_name": "a/../../b.jpg"}, "file name"),
    ({**IMAGE, "file_name": "c:\\a.jpg"}, "file name"),
    ({**IMAGE, "file_name": "\ud800.jpg"}, "file name"),
    ({**IMAGE, "file_name": 5}, "file name"),
    ({**IMAGE, "width": 0}, "size"),
    ({**IMAGE, "width": 1 << 40}, "size"),
    ({**IMAGE, "height": None}, "size"),
    ({**IMAGE, "id": "three"}, "images"),
    ({**IMAGE, "id": -1}, "images"),
    ({**IMAGE, "vedette": 5}, "vedette"),
    ({**IMAGE, "vedette": {"ignore": 5}}, "vedette"),
    ({**IMAGE, "vedette": {"ignore": [[1, 2, -3, 4]]}}, "box"),
    ({**IMAGE, "vedette": {"phash": "xyz"}}, "vedette"),
    ({**IMAGE, "vedette": {"split": 5}}, "vedette"),
    ({**IMAGE, "vedette": {"near": [1]}}, "vedette"),
    ({**IMAGE, "vedette": {"origin": {"wall_ns": "now"}}}, "vedette"),
    ([], "images"),
]


@pytest.mark.parametrize(("image", "reason"), BAD_IMAGES)
def test_a_bad_image_is_skipped_and_the_next_one_is_not(tmp_path: Path, image: Any, reason: str) -> None:
    reader = CocoReader(put(tmp_path, document([image, {**IMAGE, "id": 4}], [])))
    assert [item.number for item in reader] == [4]
    assert reader.findings.skipped == {reason: 1}
    assert "coco.json" in reader.findings.told[0].where


BAD_LABELS = [
    ({**LABEL, "bbox": [1, 2, -3, 4]}, "box"),
    ({**LABEL, "bbox": [1, 2, 0, 4]}, "box"),
    ({**LABEL, "bbox": [1, 2, 3]}, "box"),
    ({**LABEL, "bbox": [1, 2, 3, "4"]}, "box"),
    ({**LABEL, "bbox": [1, 2, 3, 1e300]}, "box"),
    ({**LABEL, "bbox": [1, 2, 3, 10**400]}, "box"),
    ({**LABEL, "category_id": 9}, "category"),
    ({**LABEL, "category_id": "dog"}, "category"),
    ({**LABEL, "score": 7}, "confidence"),
    ({**LABEL, "vedette": {"point": [1]}}, "point"),
    ({**LABEL, "vedette": {"track": 1.5}}, "vedette"),
    ({"image_id": 3, "category_id": 2}, "box"),
]


@pytest.mark.parametrize(("label", "reason"), BAD_LABELS)
def test_an_image_with_a_bad_label_is_skipped_whole(tmp_path: Path, label: Any, reason: str) -> None:
    """Without the label it would teach that nothing is there."""
    reader = CocoReader(put(tmp_path, document([IMAGE, {**IMAGE, "id": 4}], [label, LABEL])))
    assert [item.number for item in reader] == [4]
    assert reader.findings.skipped == {reason: 1}


def test_labels_of_an_image_that_is_not_there_are_told(tmp_path: Path) -> None:
    reader = CocoReader(put(tmp_path, document([IMAGE], [{**LABEL, "image_id": 8}, LABEL, {"bbox": [1, 1, 1, 1]}])))
    assert [len(item.labels) for item in reader] == [1]
    assert reader.findings.skipped == {"annotations": 2}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "5",
        '{"images": [',
        '{"images": [{"id": 1}',
        '{"images": [{"id": NaN}]}',
        '{"images": [{"id": 1} {"id": 2}]}',
        '{"images": ' + "[" * 100_000,
        '{"images": [], 5: 3}',
        '{"images": [{"id": ' + "9" * 10_000 + "}]}",
        '{"info": {}}',
        '{"images": [], "categories": [{"id": 1}]}',
        '{"images": [], "categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}',
        '{"images": [], "categories": [{"id": 1, "name": "\\n"}]}',
    ],
)
def test_a_damaged_file_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(ProtocolError, match=r"coco\.json"):
        CocoReader(put(tmp_path, text))


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=r"coco\.json:4: "):
        CocoReader(put(tmp_path, '{"images": [\n{"id": 1},\n{"id": 2},\n{"id": 3 "x"}\n]}'))


def test_elements_across_any_boundary_of_reading_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [{**IMAGE, "id": n, "file_name": f"ä{n}.jpg"} for n in range(20)]
    content = json.dumps(document(images, [LABEL], info={"year": 2026}), indent=1, ensure_ascii=False)
    for chunk in (1, 2, 3, 7, 64):
        monkeypatch.setattr("dataset.formats.json_stream.CHUNK", chunk)
        assert [item.number for item in CocoReader(put(tmp_path, content))] == list(range(20))


def test_nothing_is_written_over(tmp_path: Path) -> None:
    put(tmp_path, "{}")
    with pytest.raises(ConfigError, match="is there already"):
        CocoWriter(tmp_path)


def test_an_abandoned_writer_leaves_nothing(tmp_path: Path) -> None:
    writer = CocoWriter(tmp_path / "out")
    writer.write(Item("a", "a.png", 9, 9))
    writer.abandon()
    assert list(tmp_path.iterdir()) == []


def test_what_vedette_does_not_keep_is_counted(tmp_path: Path) -> None:
    findings = Findings()
    outline = {**LABEL, "segmentation": [[1, 1, 5, 1, 5, 9]]}
    without = {key: value for key, value in outline.items() if key != "bbox"}
    reader = CocoReader(put(tmp_path, document([IMAGE], [outline, without])), findings)
    assert [label.box for item in reader for label in item.labels] == [(1, 2, 3, 4), (1, 1, 4, 8)]
    assert findings.noted == {"segmentation": 2}
    assert findings.clean


def test_what_cvat_and_detectors_add_is_understood(tmp_path: Path) -> None:
    label = {**LABEL, "score": 0.5, "attributes": {"occluded": True, "track_id": 4, "color": "red", "nested": {}}}
    reader = CocoReader(put(tmp_path, document([IMAGE], [label])))
    found = next(iter(reader)).labels[0]
    assert found == Label((1, 2, 3, 4), "dog", 0.5, track=4, occluded=True, attributes={"color": "red"}, number=7)


def test_pycocotools_and_hotcoco_read_what_is_written(tmp_path: Path) -> None:
    items = [Item(str(n), f"{n}.png", 64, 48, (Label((1.5, 2.25, 10, 20.125), f"kind {n % 2}", 0.5, "detector"),)) for n in range(5)]
    items.append(replace(items[0], id="empty", file="empty.png", labels=()))
    made.write(CocoWriter(tmp_path / "out"), items)
    path = str(tmp_path / "out/annotations/instances_default.json")
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = [COCO(path), hotcoco.COCO(path)]
    for coco in theirs:
        assert len(coco.getImgIds()) == 6
        assert sorted(coco.getCatIds()) == [1, 2]
        rows = coco.loadAnns(coco.getAnnIds(imgIds=[1]))
        assert [list(row["bbox"]) for row in rows] == [[1.5, 2.25, 10, 20.125]]
