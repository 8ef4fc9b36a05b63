"""Oracles: datumaro, supervision and tfrecord read what we write, and we read what datumaro writes. Long: they are 900 MB to install."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dataset.formats.known import WRITABLE, open_reader, open_writer
from dataset.items import Category, Item, Label
from tests.dataset import made

pytestmark = pytest.mark.soak
ROOT = Path(__file__).resolve().parent.parent.parent
CLASSES = [Category("cat", 1), Category("dog", 2), Category("bird", 3)]
Row = tuple[str, float, float, float, float]


@dataclass(frozen=True)
class Oracle:
    python: Path

    def __call__(self, *words: object) -> Any:
        program = [str(self.python), str(ROOT / "tests/dataset/oracle.py"), *map(str, words)]
        done = subprocess.run(program, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    done = subprocess.run([str(ROOT / "scripts/oracles")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Oracle(Path(done.stdout.strip()))


def items(folder: Path) -> list[Item]:
    folder.mkdir()
    found = []
    for n in range(6):
        path = folder / f"p{n}.png"
        cv2.imwrite(str(path), np.full((48, 64, 3), n * 20, np.uint8))
        labels = tuple(
            Label(
                (2.5 + k, 3 + n, 10.25, 20), CLASSES[(n + k) % 2].name, 0.5, "detector", track=10 * n + k,
                occluded=k == 1, point=(7, 8) if k == 0 else None, attributes={"color": "red"},
            )
            for k in range(n % 3)
        )  # fmt: skip
        found.append(Item(f"i{n}", f"p{n}.png", 64, 48, labels, path, "train" if n < 4 else "val", sequence="vid", frame=n))
    return found


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same items in each format."""
    folder = tmp_path_factory.mktemp("sets")
    given = items(folder / "in")
    for name in WRITABLE:
        made.write(open_writer(folder / name, name, CLASSES), given)
    return folder


def expected(shift: float = 0, longer: float = 0) -> dict[str, list[Row]]:
    rows = {}
    for n in range(6):
        boxes = [(2.5 + k + shift, 3 + n + shift, 10.25 + longer, 20 + longer) for k in range(n % 3)]
        rows[f"p{n}"] = sorted((CLASSES[(n + k) % 2].name, *box) for k, box in enumerate(boxes))
    return rows


def rows(answer: Any) -> dict[str, list[Row]]:
    found = {name: item["boxes"] for name, item in answer["items"].items()}
    return {name: sorted((row[0], *(round(value, 4) for value in row[1:5])) for row in each) for name, each in found.items()}


@pytest.mark.parametrize("name", ["coco", "yolo", "cvat"])
def test_datumaro_reads_what_we_write(oracle: Oracle, sets: Path, name: str) -> None:
    answer = oracle("read", "datumaro", name, sets / name)
    assert rows(answer) == expected()
    assert answer["classes"] == ["cat", "dog", "bird"]
    assert {key: item["split"] for key, item in answer["items"].items()} == {f"p{n}": "train" if n < 4 else "val" for n in range(6)}


def test_datumaro_takes_the_pixels_of_voc_as_they_are(oracle: Oracle, sets: Path) -> None:
    """The kit counts from 1; datumaro does not take the 1 away, which the guide says."""
    answer = oracle("read", "datumaro", "voc", sets / "voc")
    assert rows(answer) == expected(shift=1, longer=-1)
    attributes = answer["items"]["p1"]["boxes"][0][5]
    assert (attributes["color"], attributes["vedette_confidence"]) == ("red", "0.5")


def test_datumaro_reads_our_attributes_in_cvat(oracle: Oracle, sets: Path) -> None:
    boxes = oracle("read", "datumaro", "cvat", sets / "cvat")["items"]["p2"]["boxes"]
    assert [(row[5]["color"], row[5]["occluded"]) for row in sorted(boxes)] == [("red", False), ("red", True)]


def test_datumaro_reads_our_tracks_with_their_ends(oracle: Oracle, sets: Path) -> None:
    found = oracle("read", "datumaro", "cvat-video", sets / "cvat-video")["items"]
    seen = {name: sorted((row[5]["track_id"], row[5]["outside"]) for row in item["boxes"]) for name, item in found.items()}
    assert seen["frame_000002"] == [(10, True), (20, False), (21, False)]
    assert seen["frame_000003"] == [(20, True), (21, True)]
    assert all(row[5]["keyframe"] for item in found.values() for row in item["boxes"])


@pytest.mark.parametrize("name", ["coco", "yolo", "voc"])
def test_supervision_reads_what_we_write(oracle: Oracle, sets: Path, name: str) -> None:
    """Corners instead of sizes. Of COCO and YOLO it is given the training split."""
    found = rows(oracle("read", "supervision", name, sets / name))
    corners = {key: sorted((kind, x, y, x + w, y + h) for kind, x, y, w, h in boxes) for key, boxes in expected().items()}
    assert found == {key: boxes for key, boxes in corners.items() if name == "voc" or key < "p4"}


def test_tfrecord_reads_what_we_write(oracle: Oracle, sets: Path) -> None:
    found = oracle("read", "tfrecord", "-", sets / "tfrecord")["items"]
    assert {name: row["labels"] for name, row in found.items()} == {"p0.png": [], "p1.png": [2], "p2.png": [1, 2], "p3.png": []}
    assert found["p1.png"]["sides"] == [[pytest.approx(2.5 / 64)], [pytest.approx(24 / 48)]]
    assert all(row["bytes"] == (sets / "in" / name).stat().st_size for name, row in found.items())


@pytest.mark.parametrize("name", ["coco", "yolo_ultralytics", "cvat", "voc"])
def test_we_read_what_datumaro_writes(oracle: Oracle, sets: Path, tmp_path: Path, name: str) -> None:
    oracle("write", "datumaro", name, sets / "coco", tmp_path / "out")
    reader = open_reader(tmp_path / "out")
    found = {item.file: item for item in reader}
    assert reader.findings.clean, reader.findings.told
    labels = {Path(file).stem: item.labels for file, item in found.items()}
    boxes = {name: sorted((label.category, *(round(v, 2) for v in label.box)) for label in each) for name, each in labels.items()}
    if name == "voc":  # without its empty pictures, and with its pixels
        assert boxes == {key: each for key, each in expected(shift=-1, longer=1).items() if each}
    else:
        assert boxes == expected()
    assert all(item.path and item.path.is_file() for item in found.values())
    assert {item.split for item in found.values()} == {"train", "val"}
