"""Formats as a whole: recognised by what lies there, damaged at random without surprises, large without memory."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ConfigError, ProtocolError
from dataset.formats.coco_read import CocoReader
from dataset.formats.known import FORMATS, READABLE, WRITABLE, guessed, open_reader, open_writer
from dataset.items import Category, Item, Label
from tests.dataset import made
from tests.memory import at_most_mib

BOTH = [name for name in READABLE if name in WRITABLE]


def items(folder: Path) -> Iterator[Item]:
    for n in range(3):
        labels = tuple(Label((1.25 * k, 2, 3, 4), "cat", 0.5, "click", track=k, point=(3, 3), attributes={"a": "b"}) for k in range(n))
        yield made.with_picture(Item(f"i{n}", f"p{n}.png", 20, 10, labels, split="train" if n else "", sequence="v", frame=n), folder)


@pytest.fixture(scope="module")
def sets() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        for each in WRITABLE:
            made.write(open_writer(Path(name) / each, each, [Category("cat", 1)]), items(Path(name) / "in"))
        yield Path(name)


@pytest.mark.parametrize("name", BOTH)
def test_a_set_is_recognised_by_what_lies_there(sets: Path, name: str) -> None:
    assert guessed(sets / name) == name
    with closing(open_reader(sets / name)) as reader:
        assert sum(len(item.labels) for item in reader) == 3


@pytest.mark.parametrize("name", ["coco", "yolo", "cvat", "cvat-video"])
def test_a_file_is_recognised_by_itself(sets: Path, name: str) -> None:
    places = {"coco": "annotations/instances_train.json", "yolo": "data.yaml", "cvat": "train.xml", "cvat-video": "v.xml"}
    assert guessed(sets / name / places[name]) == name


@pytest.mark.parametrize("content", [{}, {"a.txt": "x"}])
def test_what_is_no_data_set_is_refused(tmp_path: Path, content: dict[str, str]) -> None:
    for name, text in content.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(ConfigError, match="no data set we know"):
            guessed(tmp_path / name)
    with pytest.raises(ConfigError, match="no data set we know"):
        guessed(tmp_path)
    with pytest.raises(ConfigError, match="is not there"):
        open_reader(tmp_path / "nothing")


def test_what_only_goes_one_way_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is written, not read"):
        open_reader(tmp_path, "tfrecord")
    with pytest.raises(ConfigError, match="is read, not written"):
        open_writer(tmp_path / "x", "vedette", [])
    assert set(FORMATS) == {*READABLE, *WRITABLE}


TEXTS = {"coco": "annotations/instances_train.json", "yolo": "data.yaml", "voc": "Annotations/p2.xml", "cvat": "train.xml"}
TEXTS |= {"cvat-video": "v.xml"}
PIECES = [b"", b"\x00", b"\xff", b"-", b"9" * 30, b"true", b":", b"1e400", b"NaN", b"null", b"[", b"{", b"<", b"</", b'"']
PIECES += [b"../", b"&x;", b"\\ud800"]


@pytest.mark.parametrize("name", BOTH)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_damage_of_any_kind_is_a_finding_or_a_refusal_and_never_a_crash(sets: Path, name: str, data: st.DataObject) -> None:
    """Pieces of the text are replaced; whatever comes of it, each item that is given is a good one."""
    path = sets / name / TEXTS[name]
    good = path.read_bytes()
    text = good
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.sampled_from([0, 1, 3, 20])))
        text = text[:start] + data.draw(st.sampled_from(PIECES)) + text[end:]
    try:
        path.write_bytes(text)
        with closing(open_reader(sets / name, name)) as reader:
            for item in reader:
                assert item.width > 0
                assert all(label.box[2] > 0 and label.box[3] > 0 for label in item.labels)
    except (ProtocolError, ConfigError) as error:
        assert str(sets / name) in str(error)
    finally:
        path.write_bytes(good)


def test_a_label_file_of_yolo_damaged_at_random_is_a_finding(sets: Path, tmp_path: Path) -> None:
    shutil.copytree(sets / "yolo", tmp_path / "set")
    for number, piece in enumerate(PIECES):
        (tmp_path / "set/labels/train/p2.txt").write_bytes(b"0 " + piece + b" .5 .5 .5")
        with closing(open_reader(tmp_path / "set")) as reader:
            found = {item.file for item in reader}
        assert {"p0.png", "p1.png"} <= found, number


def test_a_large_coco_file_takes_no_memory_to_read(tmp_path: Path) -> None:
    """Twice what it may take, annotations before images."""
    path = tmp_path / "large.json"
    label = json.dumps({"category_id": 1, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0, "attributes": {"note": "x" * 2400}})[1:]
    with path.open("w") as file:
        file.write('{"annotations": [')
        file.write(f'{{"id": 1, "image_id": 1, {label}')
        for n in range(1, 15_000):
            file.write(f',{{"id": {n + 1}, "image_id": {n // 5 + 1}, {label}')
        file.write('], "images": [{"id": 1, "file_name": "1.jpg", "width": 9, "height": 9}')
        for n in range(2, 3_001):
            file.write(f',{{"id": {n}, "file_name": "{n}.jpg", "width": 9, "height": 9}}')
        file.write('], "categories": [{"id": 1, "name": "cat"}]}')
    assert path.stat().st_size > 35 << 20
    with at_most_mib(20), closing(CocoReader(path)) as reader:
        assert sum(len(item.labels) for item in reader) == 15_000
