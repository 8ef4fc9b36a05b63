"""Pascal VOC in: `Annotations/*.xml` with the splits of `ImageSets/Main`, or a folder of such files beside their pictures."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from contracts.errors import ConfigError
from dataset.bounds import LONGEST_FILE, ItemError, check_file, check_name, checked
from dataset.findings import Findings
from dataset.formats import elements
from dataset.formats.extras import read_extras
from dataset.items import Box, Category, Item, Label
from dataset.ontology import Ontology
from dataset.picture_size import KINDS
from dataset.pictures import Pictures
from dataset.spool import Spool

SPLITS = ("train", "val", "test")
CORNERS = ("xmin", "ymin", "xmax", "ymax")


class VocReader:
    def __init__(self, path: Path, findings: Findings | None = None) -> None:
        if not path.is_dir():
            raise ConfigError(f"{path}: is not a folder; name the one that has Annotations in it")
        self.findings, self._root, self._ontology = findings or Findings(), path, Ontology()
        self._top = path / "Annotations" if (path / "Annotations").is_dir() else path
        self._pictures = Pictures(path, *(name for name in ("JPEGImages", "images", "Annotations", "") if (path / name).is_dir()))
        self._spool = Spool(files="stem TEXT PRIMARY KEY", splits="stem TEXT PRIMARY KEY, split TEXT")
        self._classes()
        for split in SPLITS:
            self._list(split)
        self._walk()
        self.total: int | None = self._spool.count("files")
        if not self.total:
            raise ConfigError(f"{path}: has no annotation (.xml); name the folder that has Annotations in it")

    @property
    def categories(self) -> Sequence[Category]:
        return self._ontology.categories

    def _classes(self) -> None:
        path = self._root / "labelmap.txt"
        if not path.is_file() or path.stat().st_size > elements.LARGEST_FILE:
            return
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            name = line.rsplit(":", 3)[0] if line.count(":") >= 3 else line
            if not name or line.startswith("# label:"):
                continue
            try:
                check_name(name, "class")
                self._ontology.number(name)
            except ItemError as error:
                self.findings.skip(error.reason, f"{path}:{number}", str(error))

    def _list(self, split: str) -> None:
        path = self._root / "ImageSets" / "Main" / f"{split}.txt"
        if not path.is_file():
            return
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in iter(lambda: file.readline(LONGEST_FILE * 2), ""):
                stem = re.sub(r"\s+-?[01]$", "", line.strip("\r\n")) if not self._is_file(line) else line.strip("\r\n")
                self._spool.add("splits", stem, split)

    def _is_file(self, line: str) -> bool:
        """`a 1` may be the picture `a`, with the kit's flag behind it, or one of that name."""
        stem = line.strip("\r\n")
        return not re.search(r"\s-?[01]$", stem) or (self._top / f"{stem}.xml").is_file()

    def _walk(self) -> None:
        for folder, _, names in os.walk(self._top):  # links to folders are not followed
            inner = Path(folder).relative_to(self._top).as_posix()
            for name in names:
                if name.lower().endswith(".xml"):
                    self._spool.add("files", name[:-4] if inner == "." else f"{inner}/{name[:-4]}")

    def __iter__(self) -> Iterator[Item]:
        query = "SELECT files.stem, split FROM files LEFT JOIN splits USING (stem) ORDER BY files.stem"
        for stem, split in self._spool.rows(query):
            where = self._top / f"{stem}.xml"
            try:
                yield checked(self._item(where, str(stem), str(split or "")))
            except ItemError as error:
                self.findings.skip(error.reason, str(where), str(error))

    def _item(self, path: Path, stem: str, split: str) -> Item:
        if path.is_symlink() and not path.resolve().is_relative_to(self._root.resolve()):
            raise ItemError("file name", "leads out of the data set by a link; put the file itself there")
        root = elements.document(path)
        if root.tag != "annotation":
            raise ItemError("xml", f"begins with <{root.tag[:40]}>, not with <annotation>")
        file = _file(root, stem)
        size = root.find("size")
        width, height = (elements.whole_of(elements.text_of(size, side), side) for side in ("width", "height"))
        labels = tuple(self._label(each, n, file) for n, each in enumerate(root.findall("object"), 1))
        return Item(file, file, width, height, labels, self._picture(file, stem), split)

    def _picture(self, file: str, stem: str) -> Path | None:
        found = self._pictures.find(file)
        if found is not None:
            return found
        return next((each for kind in KINDS if (each := self._pictures.find(stem + kind)) is not None), None)

    def _label(self, element: Element, number: int, file: str) -> Label:
        name = elements.text_of(element, "name")
        check_name(name, f"object {number}")
        self._ontology.number(name)
        corners = element.find("bndbox")
        xmin, ymin, xmax, ymax = (elements.number_of(elements.text_of(corners, each), f"object {number}, {each}") for each in CORNERS)
        box: Box = (xmin - 1, ymin - 1, xmax - xmin + 1, ymax - ymin + 1)
        found = _attributes(element)
        extras = read_extras(found)
        flags = {flag: elements.text_of(element, flag) in {"1", "true", "True"} for flag in ("difficult", "truncated", "occluded")}
        if element.find("part") is not None:
            self.findings.note("part", file, f"object {number}: its parts are left out; its box is kept")
        return Label(box, name, attributes=found, **{**flags, **extras})

    def close(self) -> None:
        self._spool.close()


def _file(root: Element, stem: str) -> str:
    """The name in the document; below the document's own folder where it does not say one."""
    given = root.find("filename")
    file = (given.text or "") if given is not None else ""
    folder = stem.rpartition("/")[0]
    file = file or f"{stem}.jpg"
    if folder and "/" not in file:
        file = f"{folder}/{file}"
    check_file(file)
    return file


def _attributes(element: Element) -> dict[str, str]:
    found = {}
    for each in element.findall("attributes/attribute"):
        value = each.find("value")
        found[elements.text_of(each, "name")] = (value.text or "") if value is not None else ""
    return found
