"""CVAT for images 1.1 in, picture by picture, however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from contracts.errors import ConfigError
from dataset.bounds import MOST_LABELS, ItemError, checked
from dataset.findings import Findings
from dataset.formats.cvat_meta import read_labels
from dataset.formats.cvat_shapes import Shape, joined, read_shape
from dataset.formats.elements import branches, whole_of
from dataset.items import Category, Item
from dataset.ontology import Ontology
from dataset.pictures import Pictures


def annotation_file(path: Path) -> Path:
    """The XML itself, or the one of a folder."""
    if path.is_file():
        return path
    found = [path / "annotations.xml"] if (path / "annotations.xml").is_file() else sorted(path.glob("*.xml"))
    if len(found) != 1:
        raise ConfigError(f"{path}: has {len(found)} files that may be CVAT's annotations.xml; name the file itself")
    return found[0]


class CvatReader:
    def __init__(self, path: Path, findings: Findings | None = None) -> None:
        self.findings, self._ontology = findings or Findings(), Ontology()
        self._path = annotation_file(path)
        root = self._path.parent
        self._pictures = Pictures(root, *(name for name in ("images", "") if (root / name).is_dir()))
        self.total: int | None = None
        self._head()

    @property
    def categories(self) -> Sequence[Category]:
        return self._ontology.categories

    def _head(self) -> None:
        """Classes and count, which stand before the images."""
        for parent, child in branches(self._path, "annotations"):
            if parent.tag == "meta" and child is not None:
                read_labels(child, self._ontology, self.findings, str(self._path))
                size = child.findtext("size") or ""
                self.total = int(size) if size.isascii() and size.isdigit() and len(size) < 12 else None
            elif parent.tag in {"image", "track"}:
                return

    def __iter__(self) -> Iterator[Item]:
        shapes: list[Shape] = []
        faults: list[ItemError] = []
        for parent, child in branches(self._path, "annotations"):
            if parent.tag != "image":
                continue
            if child is not None:
                self._shape(child, parent, shapes, faults)
                continue
            where = f"{self._path}: image {parent.get('id', '')[:20]} ({parent.get('name', '')[:80]})"
            try:
                if faults:
                    raise faults[0]
                yield checked(self._item(parent, shapes))
            except ItemError as error:
                self.findings.skip(error.reason, where, str(error))
            shapes, faults = [], []

    def _shape(self, child: Element, image: Element, shapes: list[Shape], faults: list[ItemError]) -> None:
        where = f"{self._path}: image {image.get('id', '')[:20]}"
        try:
            shape = read_shape(child, lambda reason, text: self.findings.note(reason, where, text))
            if shape is not None:
                self._ontology.number(shape.label.category)
                shapes.append(shape)
            if len(shapes) > 2 * MOST_LABELS:
                shapes.clear()
                raise ItemError("labels", f"more than {MOST_LABELS} labels in one picture")
        except ItemError as error:
            if not faults:
                faults.append(error)

    def _item(self, image: Element, shapes: Sequence[Shape]) -> Item:
        file = image.get("name", "")
        width, height = (whole_of(image.get(side), side) for side in ("width", "height"))
        split = image.get("subset", "")
        split = split.lower() if split.lower() in {"train", "val", "test"} else "" if split.lower() == "default" else split
        number = whole_of(image.get("id"), "id") if image.get("id") else None
        return Item(file, file, width, height, joined(shapes, width, height), self._pictures.find(file), split, number=number)

    def close(self) -> None:
        """Nothing is held open between two items."""
