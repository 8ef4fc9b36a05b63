"""Pascal VOC out: an XML beside each picture, as the development kit reads it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from contracts.files import storage
from dataset.findings import Findings
from dataset.formats.elements import escaped, shown
from dataset.formats.extras import extras_of
from dataset.formats.target import Target
from dataset.holds import as_text, boxes_of
from dataset.items import Box, Category, Item, Label
from dataset.ontology import Ontology
from dataset.pictures import Mode

EXTRAS = ("confidence", "source", "verified", "point", "track", "crowd", "observation")
HOLDS = frozenset({"split", "difficult", "truncated", "occluded", "attributes", *EXTRAS})


class VocWriter:
    """`Annotations/`, `JPEGImages/`, `ImageSets/Main/<split>.txt` (default where there are no splits), `labelmap.txt`.

    Pixels count from 1 and both corners belong to the box, as in the kit: xmin = x + 1, xmax = x + width.
    """

    def __init__(self, path: Path, categories: Iterable[Category] = (), pictures: Mode = "copy", findings: Findings | None = None) -> None:
        self.findings = findings or Findings()
        self._target = Target(path, pictures, self.findings)
        self._ontology = Ontology(categories)
        self._lists: dict[str, TextIO] = {}

    def write(self, item: Item) -> None:
        file, stem = self._target.own_stem(item, "Annotations", ".xml")
        boxes = boxes_of(item, lambda what: self.findings.note(what, item.id, f"{item.file}: {what}; VOC knows nothing beyond the edge"))
        head = f"<annotation>\n  <folder/>\n  <filename>{escaped(file)}</filename>\n  <source><database>Vedette</database></source>\n"
        size = f"  <size><width>{item.width}</width><height>{item.height}</height><depth>3</depth></size>\n  <segmented>0</segmented>\n"
        objects = "".join(self._object(label, self._whole(box, item)) for label, box in boxes)
        path = self._target.folder / "Annotations" / f"{stem}.xml"
        with storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{head}{size}{objects}</annotation>\n", encoding="utf-8")
            self._list(item.split or "default").write(f"{stem}\n")
        self._target.place(item, f"JPEGImages/{file}")

    def _list(self, split: str) -> TextIO:
        if split not in self._lists:
            self._lists[split] = self._target.open(f"ImageSets/Main/{split}.txt")
        return self._lists[split]

    def _whole(self, box: Box, item: Item) -> Box:
        """Both corners are pixels that belong to the box, so it is one pixel wide at least."""
        x, y, width, height = box
        if width >= 1 and height >= 1:
            return box
        self.findings.note("box widened to a pixel", item.id, f"{item.file}: a box under one pixel; VOC has none, it is one pixel now")
        wide, high = max(width, 1.0), max(height, 1.0)
        return (max(min(x, item.width - wide), 0.0), max(min(y, item.height - high), 0.0), wide, high)

    def _object(self, label: Label, box: Box) -> str:
        self._ontology.number(label.category)
        x, y, width, height = box
        corners = (("xmin", x + 1), ("ymin", y + 1), ("xmax", x + width), ("ymax", y + height))
        flags = (("truncated", label.truncated), ("difficult", label.difficult), ("occluded", label.occluded))
        return (
            f"  <object>\n    <name>{escaped(label.category)}</name>\n    <pose>Unspecified</pose>\n    "
            + "".join(f"<{name}>{int(value)}</{name}>" for name, value in flags)
            + "\n    <bndbox>"
            + "".join(f"<{name}>{shown(value)}</{name}>" for name, value in corners)
            + f"</bndbox>\n{_attributes(label)}  </object>\n"
        )

    def close(self) -> None:
        if not self._lists:
            self._list("default")
        for file in self._lists.values():
            file.close()
        for folder in ("Annotations", "JPEGImages"):
            (self._target.folder / folder).mkdir(exist_ok=True)
        lines = [f"{name}:::\n" for name in self._ontology.names]
        self._target.write("labelmap.txt", "# label:color_rgb:parts:actions\n" + "".join(lines))
        self._target.finish()

    def abandon(self) -> None:
        for file in self._lists.values():
            file.close()
        self._target.abandon()


def _attributes(label: Label) -> str:
    """As CVAT and datumaro put them into VOC."""
    written = {name: as_text(value) for name, value in label.attributes.items()} | extras_of(label, EXTRAS)
    if not written:
        return ""
    rows = (f"<attribute><name>{escaped(name)}</name><value>{escaped(value)}</value></attribute>" for name, value in written.items())
    return f"    <attributes>{''.join(rows)}</attributes>\n"
