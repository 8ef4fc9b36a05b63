"""YOLO in: `data.yaml`, or a folder of pictures with text files; sizes come from the pictures, so these must be there."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from contracts.errors import ConfigError
from dataset.bounds import LONGEST_FILE, MOST_LABELS, ItemError, check_file, checked
from dataset.findings import Findings
from dataset.formats.yolo_yaml import YoloSet, read_yaml
from dataset.items import Category, Item, Label
from dataset.picture_size import KINDS, picture_size
from dataset.pictures import Pictures
from dataset.spool import Spool

LARGEST_TEXT = MOST_LABELS * 200  # bytes of one label file
BEYOND = 1e-3  # of the picture: rounding of other writers


class YoloReader:
    """Splits as data.yaml names them. Class numbers count from 0 there and from 1 here."""

    def __init__(self, path: Path, findings: Findings | None = None) -> None:
        self.findings = findings or Findings()
        self._set: YoloSet = read_yaml(path)
        self.categories: Sequence[Category] = [Category(name, number) for number, name in enumerate(self._set.names, 1)]
        self._pictures = Pictures(self._set.root)
        self._spool = Spool(files="file TEXT PRIMARY KEY, split TEXT")
        for split, places in self._set.places.items():
            for place in places:
                self._list(split, place)
        self.total: int | None = self._spool.count("files")

    def _list(self, split: str, place: str) -> None:
        """A folder of pictures or a text file that lists them; the first split that names a picture has it."""
        path = self._set.root / place
        if not path.resolve().is_relative_to(self._set.root.resolve()):
            raise ConfigError(f"{self._set.document}: {split} {place[:80]!r} leads out of {self._set.root}; put the pictures below it")
        if path.is_dir():
            self._walk(split, path)
        elif path.is_file():
            self._lines(split, path)
        else:
            raise ConfigError(f"{self._set.document}: {split} {place[:80]!r} is not there; correct it or remove the line")

    def _walk(self, split: str, top: Path) -> None:
        for folder, _, names in os.walk(top):  # links to folders are not followed
            inner = Path(folder).relative_to(self._set.root).as_posix()
            for name in names:
                if os.path.splitext(name)[1].lower() in KINDS:  # noqa: PTH122 (a million of them)
                    self._add(split, f"{inner}/{name}" if inner != "." else name)

    def _add(self, split: str, file: str) -> None:
        try:
            check_file(file)
        except ItemError as error:
            self.findings.skip(error.reason, f"{self._set.root}: {split}", str(error))
        else:
            self._spool.add("files", file, split)

    def _lines(self, split: str, path: Path) -> None:
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST_FILE * 2), ""), 1):
                name = line.strip().removeprefix("./")
                try:
                    if name:
                        check_file(name)
                        self._spool.add("files", name, split)
                except ItemError as error:
                    self.findings.skip(error.reason, f"{path}:{number}", str(error))

    def __iter__(self) -> Iterator[Item]:
        for file, split in self._spool.rows("SELECT file, split FROM files ORDER BY file"):
            try:
                yield checked(self._item(str(file), str(split)))
            except ItemError as error:
                self.findings.skip(error.reason, f"{self._set.root / str(file)}", str(error))

    def _item(self, file: str, split: str) -> Item:
        path = self._pictures.find(file)
        if path is None:
            raise ItemError("picture", f"picture {file}: is not there; YOLO's boxes mean nothing without its size")
        width, height = picture_size(path)
        labels = tuple(self._labels(file, width, height))
        name = _within(file, split, self._set.places.get(split, []))
        return Item(name, name, width, height, labels, path, "" if split == "all" else split)

    def _labels(self, file: str, width: int, height: int) -> Iterator[Label]:
        name = labels_of(file)
        path = self._pictures.find(name)
        if path is None:  # as trainers take it: background
            self.findings.note("no label file", file, f"{name} is not there: the picture is taken as one with nothing in it")
            return
        try:
            with path.open("rb") as opened:
                text = opened.read(LARGEST_TEXT + 1).decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise ItemError("label file", f"{path}: {error}; is it a label file?") from error
        if len(text) > LARGEST_TEXT:
            raise ItemError("label file", f"{path}: has more than {LARGEST_TEXT} bytes; is it a label file?")
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                yield self._label(line.split(), f"{name}:{number}", width, height)

    def _label(self, words: list[str], where: str, width: int, height: int) -> Label:
        try:
            kind, parts = int(words[0]), [float(word) for word in words[1:]]
        except ValueError as error:
            raise ItemError("label file", f"{where}: {' '.join(words)[:80]!r} is not `class x y width height`; correct the line") from error
        if not 0 <= kind < len(self.categories):
            raise ItemError("category", f"{where}: class {kind} is not among the {len(self.categories)} names of data.yaml")
        if not all(math.isfinite(part) and -BEYOND <= part <= 1 + BEYOND for part in parts):
            raise ItemError("box", f"{where}: has a value that is not from 0 to 1; normalise it by the picture's size")
        name = self.categories[kind].name
        confidence = parts.pop() if len(parts) == 5 else None  # as detectors write it
        if len(parts) == 4:
            x, y, w, h = parts
            return Label(((x - w / 2) * width, (y - h / 2) * height, w * width, h * height), name, confidence)
        if len(parts) >= 6 and len(parts) % 2 == 0:
            self.findings.note("outline", where, "the outline is left out; the box around it is kept")
            xs, ys = parts[0::2], parts[1::2]
            left, top = min(xs) * width, min(ys) * height
            return Label((left, top, max(xs) * width - left, max(ys) * height - top), name)
        raise ItemError("label file", f"{where}: has {len(words)} words; a box has 5")

    def close(self) -> None:
        self._spool.close()


def labels_of(file: str) -> str:
    """`images/train/a.jpg` -> `labels/train/a.txt`: the last `images` of the path; beside the picture where there is none."""
    stem, _, _ = file.rpartition(".")
    parts = stem.split("/")
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            return "/".join([*parts[:index], "labels", *parts[index + 1 :]]) + ".txt"
    return f"{stem}.txt"


def _within(file: str, split: str, places: Sequence[str]) -> str:
    """The name below the split's folder, which is what other formats call the picture."""
    for place in places:
        prefix = place.strip("/").removeprefix("./") + "/"
        if file.startswith(prefix) and not place.endswith(".txt"):
            return file.removeprefix(prefix)
    for prefix in (f"images/{split}/", "images/"):
        if file.startswith(prefix):
            return file.removeprefix(prefix)
    return file


