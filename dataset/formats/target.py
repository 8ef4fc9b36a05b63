"""Target: the folder a data set is written into, under a temporary name until all of it is there."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path
from typing import TextIO

from contracts.errors import ConfigError
from contracts.files import make_folders, rename_durably, storage, write_durably
from dataset.findings import Findings
from dataset.items import Item
from dataset.pictures import Mode, place


class Target:
    """Files written here appear at `path` all at once, by `finish`. Single pictures are not fsynced: a conversion can be made again."""

    def __init__(self, path: Path, pictures: Mode, findings: Findings) -> None:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ConfigError(f"{path}: is there already; name a new or an empty folder")
        self.path, self.findings, self._pictures = path, findings, pictures
        self.folder = path.with_name(f".{path.name}.part")
        with storage(self.folder):
            if self.folder.exists():  # left by one that was killed
                shutil.rmtree(self.folder)
            make_folders(self.folder)

    def open(self, name: str) -> TextIO:
        """A text file below the folder, opened for writing."""
        path = self.folder / name
        with storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            return path.open("w", encoding="utf-8", newline="\n")

    def write(self, name: str, text: str) -> None:
        write_durably(self.folder / name, text.encode())

    def place(self, item: Item, name: str) -> None:
        """The picture, if it comes with the labels; without it the labels stand alone, which is noted."""
        if item.path is None and self._pictures != "none":
            self.findings.note("no picture", item.id, f"picture {item.file} is not there; only its labels are written")
        place(item, self.folder / name, self._pictures)

    def own_stem(self, item: Item, folder: str, suffix: str) -> tuple[str, str]:
        """File and stem of a picture in a format that knows pictures by their stems: `a.jpg` and `a.png` must not share one."""
        stem, dot, ending = item.file.rpartition(".")
        if not dot or "/" in ending:
            stem, ending = item.file, ""
        if (self.folder / folder / f"{stem}{suffix}").exists():
            stem += f"~{sha256(item.id.encode()).hexdigest()[:12]}"
            self.findings.note("picture renamed", item.id, f"{item.file}: another picture has this name without ending; now {stem}")
        return (f"{stem}.{ending}" if ending else stem), stem

    def finish(self) -> None:
        rename_durably(self.folder, self.path)

    def abandon(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
