"""COCO in: a file of any size is read once into a spool on disk, then image by image with the annotations that belong to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.errors import ConfigError, ProtocolError
from dataset.bounds import LARGEST_NUMBER, ItemError, check_categories, check_name, checked
from dataset.findings import Findings
from dataset.formats.coco_extras import box, read_item, read_label, scalars
from dataset.formats.json_stream import JsonStream
from dataset.items import Box, Category, Item, Label
from dataset.ontology import Ontology
from dataset.pictures import Pictures
from dataset.spool import Spool

_SPLIT = re.compile(r"(?:.*[_.-])?(train|val|test)\d*")
Row = dict[str, Any]


def documents(path: Path) -> list[Path]:
    """The COCO files of a data set: the file itself, or those in the folder's `annotations` or in the folder.

    Beside `instances_*.json` others often lie that tell other things of the same pictures: captions, key points, image_info.
    """
    if path.is_file():
        return [path]
    places = ("annotations/instances*.json", "annotations/*.json", "dataset.json", "instances*.json", "*.json")
    found = next((each for place in places if (each := sorted(path.glob(place)))), [])
    if not found:
        raise ConfigError(f"{path}: has no COCO file; name a .json or a folder with annotations/*.json")
    return found


class CocoReader:
    """Splits are known by the files' names (`instances_train.json`) or by what Vedette wrote. Masks and key points are left out."""

    def __init__(self, path: Path, findings: Findings | None = None) -> None:
        self.findings = findings or Findings()
        self._paths = documents(path)
        root = path if path.is_dir() else path.parent.parent if path.parent.name == "annotations" else path.parent
        self._root, self._ontology, self._total = root, Ontology(), 0
        self._places: dict[str, Pictures] = {}
        self._spools: list[tuple[Path, Spool, dict[int, str]]] = []
        self._load()

    @property
    def categories(self) -> Sequence[Category]:
        return self._ontology.categories

    @property
    def total(self) -> int | None:
        return self._total

    @property
    def written(self) -> dict[int, str]:
        """Class names by the numbers that stand in the files, for results of other tools; empty where two files disagree."""
        named: dict[int, str] = {}
        for _, _, classes in self._spools:
            if any(named.setdefault(number, name) != name for number, name in classes.items()):
                return {}
        return named

    def _load(self) -> None:
        pinned: dict[str, Category] = {}
        for path in self._paths:
            spool = Spool(images="id INTEGER PRIMARY KEY, body TEXT", annotations="image INTEGER, body TEXT")
            classes = self._read(path, spool)
            spool.run("CREATE INDEX by_image ON annotations (image)")
            self._spools.append((path, spool, {each.number: each.name for each in classes}))
            self._total += spool.count("images")
            for each in classes:
                pinned.setdefault(each.name, each)
        numbers = [each.number for each in pinned.values()]
        if len(set(numbers)) == len(numbers) and min(numbers, default=1) >= 1:
            self._ontology = Ontology(pinned.values())
        else:  # two files number classes each in their way, or from 0: ours are from 1, in their order
            self._ontology = Ontology(Category(name, n, each.supercategory) for n, (name, each) in enumerate(pinned.items(), 1))

    def _read(self, path: Path, spool: Spool) -> list[Category]:
        stream, classes = JsonStream(path), list[Category]()
        for key, element, text in stream.entries():
            if key == "images":
                number = _whole(element, "id")
                self._spool(stream, spool, "images", number, text)
            elif key == "annotations":
                number = _whole(element, "image_id")
                self._spool(stream, spool, "annotations", number, text)
            elif key == "categories":
                classes.append(_category(element, stream.where))
        if not {"images", "annotations"} & stream.keys:
            raise ProtocolError(f"{path}: has neither `images` nor `annotations`; is it a COCO file of detections?")
        try:
            return check_categories(classes)
        except ItemError as error:
            raise ProtocolError(f"{path}: {error}") from error

    def _spool(self, stream: JsonStream, spool: Spool, table: str, number: int | None, text: str) -> None:
        if number is None:
            key = "id" if table == "images" else "image_id"
            self.findings.skip(table, stream.where, f"an entry of {table} has no whole number as {key}; give it one")
        else:
            spool.add(table, number, text)

    def __iter__(self) -> Iterator[Item]:
        for path, spool, names in self._spools:
            spool.settle()
            self._strays(path, spool)
            labels = Grouped(spool)
            for number, body in spool.rows("SELECT id, body FROM images ORDER BY id"):
                item = self._item(path, names, json.loads(str(body)), labels.of(int(str(number))))
                if item is not None:
                    yield item

    def _strays(self, path: Path, spool: Spool) -> None:
        query = "SELECT image, count(*) FROM annotations WHERE image NOT IN (SELECT id FROM images) GROUP BY image LIMIT 1000"
        for number, count in spool.rows(query):
            self.findings.skip("annotations", f"{path}: image {number}", f"{count} annotations of an image that is not in the file")

    def _item(self, path: Path, names: Mapping[int, str], image: Row, annotations: Sequence[Row]) -> Item | None:
        where = f"{path}: image {image['id']} ({str(image.get('file_name'))[:80]})"
        try:
            return checked(self._built(path, names, image, annotations, where))
        except ItemError as error:
            self.findings.skip(error.reason, where, str(error))
            return None

    def _built(self, path: Path, names: Mapping[int, str], image: Row, annotations: Sequence[Row], where: str) -> Item:
        extras = _extras(image)
        found = read_item(extras)
        file = image.get("file_name")
        if not isinstance(file, str):
            raise ItemError("file name", "has no file_name; give it one")
        split = _SPLIT.fullmatch(path.stem)
        found.setdefault("split", split.group(1) if split else "")
        found.setdefault("id", str(image["id"]) if len(self._paths) == 1 else f"{path.stem}/{image['id']}")
        if "vedette" not in image:
            found["attributes"] = scalars(image.get("attributes", {}), "attributes")
        width, height = _whole(image, "width"), _whole(image, "height")
        if width is None or height is None:
            raise ItemError("size", "has no whole number as width or height; give both in pixels")
        labels = tuple(self._label(names, each, where) for each in annotations)
        picture = self._pictures(found["split"]).find(file)
        return Item(file=file, width=width, height=height, labels=labels, path=picture, number=int(image["id"]), **found)

    def _pictures(self, split: str) -> Pictures:
        folders = ("images", f"images/{split}", "", split, f"{split}2017", "images/default")
        if split not in self._places:
            self._places[split] = Pictures(self._root, *(each for each in folders if (self._root / each).is_dir()))
        return self._places[split]

    def _label(self, names: Mapping[int, str], row: Row, where: str) -> Label:
        kind = _whole(row, "category_id")
        if kind is None or kind not in names:
            raise ItemError("category", f"annotation {row.get('id')}: category_id {str(kind)[:40]} is no category")
        found, attributes = read_label(_extras(row)), scalars(row.get("attributes", {}), "attributes")
        if "vedette" not in row:
            _from_cvat(found, attributes)
        if "score" in row and "confidence" not in found and type(row["score"]) in {int, float}:
            found["confidence"] = float(row["score"])
        for left_out in ("segmentation", "keypoints"):
            if row.get(left_out):
                self.findings.note(left_out, where, f"{left_out} is left out; the box is kept")
        crowd = row.get("iscrowd") == 1
        return Label(_box(row), names[kind], crowd=crowd, attributes=attributes, number=_whole(row, "id"), **found)

    def close(self) -> None:
        for _, spool, _ in self._spools:
            spool.close()


class Grouped:
    """Annotations in the order of their images, handed out image by image."""

    def __init__(self, spool: Spool) -> None:
        self._rows = spool.rows("SELECT image, body FROM annotations ORDER BY image, rowid")
        self._row = next(self._rows, None)

    def of(self, number: int) -> list[Row]:
        found = []
        while self._row is not None and int(str(self._row[0])) <= number:
            if self._row[0] == number:
                found.append(json.loads(str(self._row[1])))
            self._row = next(self._rows, None)
        return found


def _whole(row: object, key: str) -> int | None:
    value = row.get(key) if isinstance(row, dict) else None
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= LARGEST_NUMBER else None


def _category(row: object, where: str) -> Category:
    number, name = _whole(row, "id"), row.get("name") if isinstance(row, dict) else None
    if number is None or not isinstance(row, dict) or not isinstance(name, str):
        raise ProtocolError(f"{where}: a category has no whole number as id, or no name; give it both")
    try:
        check_name(name, "category")
    except ItemError as error:
        raise ProtocolError(f"{where}: {error}") from error
    above = row.get("supercategory")
    return Category(name, number, above if isinstance(above, str) else "")


def _extras(row: Row) -> Row:
    extras = row.get("vedette", {})
    if not isinstance(extras, dict):
        raise ItemError("vedette", "vedette: is not an object")
    return extras


def _from_cvat(found: Row, attributes: dict[str, Any]) -> None:
    """CVAT and datumaro put these among the attributes."""
    if isinstance(attributes.get("occluded"), bool):
        found["occluded"] = attributes.pop("occluded")
    if type(attributes.get("track_id")) is int and attributes["track_id"] >= 0:
        found["track"] = attributes.pop("track_id")


def _box(row: Row) -> Box:
    if "bbox" in row:
        return box(row["bbox"])
    outline = row.get("segmentation")
    if not isinstance(outline, list) or not all(isinstance(ring, list) and len(ring) >= 6 for ring in outline) or not outline:
        raise ItemError("box", f"annotation {row.get('id')}: has neither bbox nor outline; give it a bbox")
    xs, ys = [v for ring in outline for v in ring[0::2]], [v for ring in outline for v in ring[1::2]]
    if not all(type(v) in {int, float} for v in (*xs, *ys)):
        raise ItemError("box", f"annotation {row.get('id')}: its outline is not made of numbers")
    return (float(min(xs)), float(min(ys)), float(max(xs) - min(xs)), float(max(ys) - min(ys)))
