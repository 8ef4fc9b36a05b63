"""CVAT for images 1.1 out: one XML, the images waiting in a file of their own until all labels and attributes are known."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from contracts.files import storage
from dataset.findings import Findings
from dataset.formats.cvat_meta import Listed, attribute_rows, source_of
from dataset.formats.elements import escaped, shown
from dataset.formats.target import Target
from dataset.items import Category, Item, Label
from dataset.pictures import Mode

EXTRAS = ("confidence", "verified", "track", "crowd", "difficult", "truncated", "observation")
HOLDS = frozenset({"beyond", "split", "source", "point", "occluded", "attributes", *EXTRAS})


class CvatWriter:
    """`<split>.xml` (annotations.xml where there are no splits) and `images/`. A click is a `<points>` in one group with its box.

    A file a split, named like it: CVAT takes one a task, and datumaro reads of a file only what is of the subset of its name.
    """

    def __init__(self, path: Path, categories: Iterable[Category] = (), pictures: Mode = "copy", findings: Findings | None = None) -> None:
        self.findings = findings or Findings()
        self._target = Target(path, pictures, self.findings)
        self._listed = Listed(categories)
        self._bodies: dict[str, TextIO] = {}
        self._counts: Counter[str] = Counter()

    def write(self, item: Item) -> None:
        if item.split not in self._bodies:
            self._bodies[item.split] = self._target.open(f".{item.split or 'annotations'}.images")
        subset = f' subset="{escaped(item.split)}"' if item.split else ""
        number, size = self._counts[item.split], f'width="{item.width}" height="{item.height}"'
        shapes = "".join(self._shapes(label, group) for group, label in enumerate(item.labels, 1))
        with storage(self._target.folder):
            head = f'  <image id="{number}" name="{escaped(item.file)}"{subset} {size}>\n'
            self._bodies[item.split].write(f"{head}{shapes}  </image>\n")
        self._counts[item.split] += 1
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
        if not self._bodies:
            self._bodies[""] = self._target.open(".annotations.images")
        for split, body in self._bodies.items():
            self._document(split, body)
        self._target.finish()

    def _document(self, split: str, body: TextIO) -> None:
        body.close()
        with storage(self._target.folder), self._target.open(f"{split or 'annotations'}.xml") as file:
            file.write(self._listed.document(self._counts[split], "annotation"))
            with Path(body.name).open(encoding="utf-8") as images:
                shutil.copyfileobj(images, file, 1 << 20)
            file.write("</annotations>\n")
        Path(body.name).unlink()

    def abandon(self) -> None:
        for body in self._bodies.values():
            body.close()
        self._target.abandon()
