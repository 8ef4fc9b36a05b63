"""YOLO out: a text file of normalised boxes beside each picture, `data.yaml` with classes and splits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from contracts.files import storage
from dataset.findings import Findings
from dataset.formats.target import Target
from dataset.holds import boxes_of
from dataset.items import Box, Category, Item
from dataset.ontology import Positions
from dataset.pictures import Mode

HOLDS = frozenset({"split"})
SPLITS = ("train", "val", "test")
DIGITS = 10  # behind the point: less than a hundred-thousandth of a pixel in the largest picture


class YoloWriter:
    """`images/<split>/` and `labels/<split>/`; pictures without labels have an empty file, so that they count as background."""

    def __init__(self, path: Path, categories: Iterable[Category] = (), pictures: Mode = "copy", findings: Findings | None = None) -> None:
        self.findings = findings or Findings()
        self._target = Target(path, pictures, self.findings)
        self._classes = Positions(categories)
        self._splits: set[str] = set()

    def write(self, item: Item) -> None:
        split = item.split or "all"
        self._splits.add(split)
        file, stem = self._target.own_stem(item, f"labels/{split}", ".txt")
        boxes = boxes_of(item, lambda what: self.findings.note(what, item.id, f"{item.file}: {what}; YOLO knows nothing beyond the edge"))
        lines = [f"{self._classes.index(label.category)} {_normal(box, item)}\n" for label, box in boxes]
        path = self._target.folder / f"labels/{split}/{stem}.txt"
        with storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(lines), encoding="ascii")
        self._target.place(item, f"images/{split}/{file}")

    def close(self) -> None:
        for split in self._splits or {"all"}:
            for kind in ("images", "labels"):
                (self._target.folder / kind / split).mkdir(parents=True, exist_ok=True)
        self._target.write("data.yaml", self._document())
        self._target.finish()

    def _document(self) -> str:
        """Strings as JSON writes them, which is YAML too, whatever is in a class's name."""
        lines = ["# written by Vedette; `path` is the folder of this file", "path: ."]
        lines += [f"{split}: images/{split}" for split in (*SPLITS, "all") if split in self._splits]
        names = self._classes.names
        if self._splits <= {"all"}:  # trainers want a `train`
            lines += ["train: images/all"]
        lines += [f"nc: {len(names)}", "names:"]
        lines += [f"  {index}: {json.dumps(name, ensure_ascii=False)}" for index, name in enumerate(names)]
        return "\n".join(lines) + "\n"

    def abandon(self) -> None:
        self._target.abandon()


def _normal(box: Box, item: Item) -> str:
    """Centre and size as parts of the picture, never above 1."""
    x, y, width, height = box
    parts = ((x + width / 2) / item.width, (y + height / 2) / item.height, width / item.width, height / item.height)
    return " ".join(f"{min(part, 1.0):.{DIGITS}f}".rstrip("0").rstrip(".") for part in parts)
