"""COCO out: one JSON a split, written as the items come; the annotations wait in a file of their own until the images are all there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from contracts.files import storage
from contracts.wire import utc_from_ns
from dataset.findings import Findings
from dataset.formats.coco_extras import item_extras, label_extras
from dataset.formats.target import Target
from dataset.holds import FEATURES
from dataset.items import Category, Item, Label
from dataset.ontology import Ontology
from dataset.pictures import Mode

HOLDS = frozenset(FEATURES)
INFO = {"description": "written by Vedette", "version": "1"}
_dump = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class CocoWriter:
    """`annotations/instances_<split>.json` (default where there are no splits) and `images/`."""

    def __init__(self, path: Path, categories: Iterable[Category] = (), pictures: Mode = "copy", findings: Findings | None = None) -> None:
        self.findings = findings or Findings()
        self._target = Target(path, pictures, self.findings)
        self._ontology = Ontology(categories)
        self._documents: dict[str, CocoDocument] = {}

    def write(self, item: Item) -> None:
        name = f"annotations/instances_{item.split or 'default'}.json"
        if name not in self._documents:
            self._documents[name] = CocoDocument(self._target.folder / name, self._ontology)
        self._documents[name].write(item)
        self._target.place(item, f"images/{item.file}")

    def close(self) -> None:
        if not self._documents:
            name = "annotations/instances_default.json"
            self._documents[name] = CocoDocument(self._target.folder / name, self._ontology)
        for document in self._documents.values():
            document.close()
        self._target.finish()

    def abandon(self) -> None:
        for document in self._documents.values():
            document.abandon()
        self._target.abandon()


class CocoDocument:
    """One COCO file at `path`: images go straight into it, annotations beside it until `close` appends them and the classes.

    Numbers ascend: an item's or label's own is kept where it is higher than all before it, so what ascends stays what it was.
    """

    def __init__(self, path: Path, ontology: Ontology) -> None:
        self._ontology, self._path = ontology, path
        with storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._images = _opened(path.with_name(f".{path.name}.part"))
            self._annotations = _opened(path.with_name(f".{path.name}.annotations"))
        self._image = self._label = 0
        self._images.write(f'{{"info":{_dump(INFO)},"licenses":[],"images":[')

    def write(self, item: Item) -> None:
        first = self._image == 0
        self._image = item.number if item.number is not None and item.number > self._image else self._image + 1
        with storage(self._path):
            self._images.write(("\n" if first else ",\n") + _dump(self._picture(item)))
            for label in item.labels:
                self._annotations.write(("\n" if self._label == 0 else ",\n") + _dump(self._annotation(label)))

    def _picture(self, item: Item) -> dict[str, object]:
        document: dict[str, object] = {"id": self._image, "file_name": item.file, "width": item.width, "height": item.height}
        if item.origin.wall_ns is not None and 0 <= item.origin.wall_ns < 1 << 62:
            document["date_captured"] = utc_from_ns(item.origin.wall_ns).strftime("%Y-%m-%d %H:%M:%S")
        if item.exhaustive_for is not None:  # as LVIS says it
            seen = {label.category for label in item.labels}
            document["neg_category_ids"] = [self._ontology.number(name) for name in item.exhaustive_for if name not in seen]
            document["not_exhaustive_category_ids"] = sorted(self._ontology.number(name) for name in seen - set(item.exhaustive_for))
        extras = item_extras(item, not item.split and item.id == str(self._image))
        return {**document, "vedette": extras} if extras else document

    def _annotation(self, label: Label) -> dict[str, object]:
        self._label = label.number if label.number is not None and label.number > self._label else self._label + 1
        box = label.box
        document: dict[str, object] = {
            "id": self._label,
            "image_id": self._image,
            "category_id": self._ontology.number(label.category),
            "bbox": list(box),
            "area": box[2] * box[3],
            "iscrowd": int(label.crowd),
            "segmentation": [],
        }
        extras = label_extras(label)
        if label.attributes:  # with ours beside them, so that no attribute is taken for what CVAT puts there
            return document | {"attributes": dict(label.attributes), "vedette": extras}
        return document | {"vedette": extras} if extras else document

    def close(self) -> None:
        classes = [{"id": each.number, "name": each.name, "supercategory": each.supercategory} for each in self._ontology.categories]
        with storage(self._path):
            self._images.write('\n],"annotations":[')
            self._annotations.seek(0)
            shutil.copyfileobj(self._annotations, self._images, 1 << 20)
            self._images.write(f'\n],"categories":{_dump(classes)}}}\n')
            self._annotations.close()
            Path(self._annotations.name).unlink()
            self._images.flush()
            os.fsync(self._images.fileno())
            self._images.close()
            Path(self._images.name).replace(self._path)

    def abandon(self) -> None:
        for file in (self._images, self._annotations):
            file.close()
            Path(file.name).unlink(missing_ok=True)


def _opened(path: Path) -> TextIO:
    return path.open("w+", encoding="utf-8", newline="\n")
