"""CVAT for images 1.1 out: one XML, the images waiting in a file of their own until all labels and attributes are known."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from contracts.files import storage
from dataset.findings import Findings
from dataset.formats.cvat_meta import Listed, attribute_rows, source_of
from dataset.formats.elements import escaped, shown
from dataset.formats.target import Target
from dataset.items import Category, Item, Label
from dataset.pictures import Mode

EXTRAS = ("confidence", "verified", "track", "crowd", "difficult", "truncated", "observation")
HOLDS = frozenset({"beyond", "split", "source", "point", "occluded", "attributes", *EXTRAS})
FILE = "annotations.xml"


class CvatWriter:
    """`annotations.xml` and `images/`. A click is a `<points>` in one group with its box."""

    def __init__(self, path: Path, categories: Iterable[Category] = (), pictures: Mode = "copy", findings: Findings | None = None) -> None:
        self.findings = findings or Findings()
        self._target = Target(path, pictures, self.findings)
        self._listed = Listed(categories)
        self._count = 0
        self._body = self._target.open(".images")

    def write(self, item: Item) -> None:
        subset = f' subset="{escaped(item.split)}"' if item.split else ""
        head = f'  <image id="{self._count}" name="{escaped(item.file)}"{subset} width="{item.width}" height="{item.height}">\n'
        shapes = "".join(self._shapes(label, group) for group, label in enumerate(item.labels, 1))
        with storage(self._target.folder):
            self._body.write(f"{head}{shapes}  </image>\n")
        self._count += 1
        self._target.place(item, f"images/{item.file}")

    def _shapes(self, label: Label, group: int) -> str:
        source, more = source_of(label)
        rows = attribute_rows(self._listed.attributes(label, (*EXTRAS, *more)))
        x, y, width, height = label.box
        corners = (("xtl", x), ("ytl", y), ("xbr", x + width), ("ybr", y + height))
        sides = " ".join(f'{name}="{shown(value)}"' for name, value in corners)
        name, tied = escaped(label.category), f' group_id="{group}"' if label.point is not None else ""
        common = f'label="{name}"{source} occluded="{int(label.occluded)}"'
        box = f'    <box {common} {sides} z_order="0"{tied}>{rows}</box>\n'
        if label.point is None:
            return box
        return f'{box}    <points {common} points="{shown(label.point[0])},{shown(label.point[1])}" z_order="0"{tied}/>\n'

    def close(self) -> None:
        self._body.close()
        with storage(self._target.folder), self._target.open(FILE) as file, Path(self._body.name).open(encoding="utf-8") as body:
            file.write(self._listed.document(self._count, "annotation"))
            shutil.copyfileobj(body, file, 1 << 20)
            file.write("</annotations>\n")
        Path(self._body.name).unlink()
        self._target.finish()

    def abandon(self) -> None:
        self._body.close()
        self._target.abandon()
