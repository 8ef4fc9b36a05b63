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


class CvatReader:
    """The XML itself, or all of a folder: one a split."""

    def __init__(self, path: Path, findings: Findings | None = None) -> None:
        self.findings, self._ontology = findings or Findings(), Ontology()
        self._paths = [path] if path.is_file() else sorted(path.glob("*.xml"))
        if not self._paths:
            raise ConfigError(f"{path}: has no XML; name CVAT's annotations or the folder they lie in")
        root = self._paths[0].parent
        self._pictures = Pictures(root, *(name for name in ("images", "") if (root / name).is_dir()))
        counts = [self._head(each) for each in self._paths]
        self.total: int | None = sum(counts) if all(counts) else None

    @property
    def categories(self) -> Sequence[Category]:
        return self._ontology.categories

    def _head(self, path: Path) -> int:
        """Classes and count, which stand before the images; 0: the file does not say."""
        count = 0
        for parent, child in branches(path, "annotations"):
            if parent.tag == "meta" and child is not None:
                read_labels(child, self._ontology, self.findings, str(path))
                size = child.findtext("size") or ""
                count = int(size) if size.isascii() and size.isdigit() and len(size) < 12 else count
            elif parent.tag in {"image", "track"}:
                break
        return count

    def __iter__(self) -> Iterator[Item]:
        for path in self._paths:
            yield from self._items(path)

    def _items(self, path: Path) -> Iterator[Item]:
        shapes: list[Shape] = []
        faults: list[ItemError] = []
        for parent, child in branches(path, "annotations"):
            if parent.tag != "image":
                continue
            if child is not None:
                self._shape(child, f"{path}: image {parent.get('id', '')[:20]}", shapes, faults)
                continue
            where = f"{path}: image {parent.get('id', '')[:20]} ({parent.get('name', '')[:80]})"
            try:
                if faults:
                    raise faults[0]
                yield checked(self._item(parent, shapes, path.stem))
            except ItemError as error:
                self.findings.skip(error.reason, where, str(error))
            shapes, faults = [], []

    def _shape(self, child: Element, where: str, shapes: list[Shape], faults: list[ItemError]) -> None:
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

    def _item(self, image: Element, shapes: Sequence[Shape], stem: str) -> Item:
        file = image.get("name", "")
        width, height = (whole_of(image.get(side), side) for side in ("width", "height"))
        split = image.get("subset") or (stem if stem in {"train", "val", "test"} else "")
        split = split.lower() if split.lower() in {"train", "val", "test"} else "" if split.lower() == "default" else split
        number = whole_of(image.get("id"), "id") if image.get("id") else None
        return Item(file, file, width, height, joined(shapes, width, height), self._pictures.find(file), split, number=number)

    def close(self) -> None:
        """Nothing is held open between two items."""
