"""Data sets made to do harm, given to the command as a user gives them: each is refused by its name, and nothing lands anywhere else."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.memory import at_most_mib
from trainer.main import main

LAUGHS = '<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;&l;&l;&l;">]>'
PICTURE = cv2.imencode(".png", np.arange(64 * 48 * 3, dtype=np.uint8).reshape(48, 64, 3))[1].tobytes()


def coco(folder: Path, file: str = "a.png", picture: bytes = PICTURE, **label: object) -> Path:
    root = folder / "harm"
    (root / "annotations").mkdir(parents=True)
    (root / "images").mkdir()
    (root / "images" / "a.png").write_bytes(picture)
    said = {"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 1, 9, 9], "area": 81, "iscrowd": 0, **label}
    image = {"id": 7, "file_name": file, "width": 64, "height": 48}
    document = {"images": [image], "annotations": [said], "categories": [{"id": 1, "name": "person"}]}
    (root / "annotations" / "instances_train.json").write_text(json.dumps(document))
    return root


def zipped(folder: Path, name: str, content: bytes) -> Path:
    path = folder / "harm.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return path


def cvat(folder: Path, head: str) -> Path:
    path = folder / "annotations.xml"
    path.write_text(f'<?xml version="1.0"?>{head}<annotations><image id="0" name="&m;" width="9" height="9"/></annotations>')
    return path


def yolo(folder: Path, line: str) -> Path:
    root = folder / "harm"
    for part in ("images", "labels"):
        (root / part / "train").mkdir(parents=True)
    (root / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/train\nnames: {0: person}\n")
    (root / "images" / "train" / "a.png").write_bytes(PICTURE)
    (root / "labels" / "train" / "a.txt").write_text(line + "\n")
    return root


# what it is -> how it is made, and what must be said: its name, and what is wrong with it
HARM: dict[str, tuple[Callable[[Path], Path], tuple[str, ...]]] = {
    "a file name that leads out": (lambda folder: coco(folder, "../../secret.png"), ("image 7", "file name")),
    "a file name from the root": (lambda folder: coco(folder, "/etc/passwd"), ("image 7", "file name")),
    "a zip that leads out": (lambda folder: zipped(folder, "../secret", b"x"), ("harm.zip", "file name")),
    "a zip that is a bomb": (lambda folder: zipped(folder, "a", bytes(70 << 20)), ("harm.zip", "bomb")),
    "XML that is a bomb": (lambda folder: cvat(folder, LAUGHS), ("annotations.xml",)),
    "XML that fetches": (lambda folder: cvat(folder, '<!DOCTYPE a [<!ENTITY m SYSTEM "file:///etc/passwd">]>'), ("annotations.xml",)),
    "a picture that is none": (lambda folder: coco(folder, picture=b"GIF89a, not at all"), ("a.png",)),
    "a picture cut in the middle": (lambda folder: coco(folder, picture=PICTURE[: len(PICTURE) // 2]), ("a.png",)),
    "a label of no class": (lambda folder: coco(folder, category_id=9), ("class",)),
    "a box outside of the picture": (lambda folder: coco(folder, bbox=[900, 1, 9, 9]), ("outside",)),
    "a box that is no number": (lambda folder: coco(folder, bbox=[float("nan"), 1, 9, 9]), ("instances_train.json",)),
    "a class out of range": (lambda folder: yolo(folder, "5 0.5 0.5 0.1 0.1"), ("a.txt", "class")),
    "a box out of range": (lambda folder: yolo(folder, "0 7.5 0.5 0.1 0.1"), ("a.txt",)),
}


@pytest.mark.parametrize("name", HARM)
def test_a_hostile_set_is_refused_by_its_name(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, words = HARM[name]
    inside = tmp_path / "inside" / "deeper"
    inside.mkdir(parents=True)
    path = made(inside)
    (tmp_path / "secret.png").write_bytes(PICTURE)
    before = sorted(tmp_path.rglob("*"))
    with at_most_mib(200):
        assert main(["dataset", "check", str(path), "--decode"]) == 1
    told = "".join(capsys.readouterr())
    for word in words:
        assert word in told, told
    assert sorted(tmp_path.rglob("*")) == before


def test_the_same_sets_without_the_harm_are_in_order(tmp_path: Path) -> None:
    for number, path in enumerate((coco(tmp_path / "a"), yolo(tmp_path / "b", "0 0.5 0.5 0.1 0.1"))):
        assert main(["dataset", "check", str(path), "--decode"]) == 0, number
