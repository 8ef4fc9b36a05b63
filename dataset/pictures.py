"""Pictures on disk: found below a root that nothing leads out of, and placed into a new data set."""

from __future__ import annotations

import os
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Literal

from contracts.files import storage
from dataset.bounds import ItemError, check_file
from dataset.items import Item

Mode = Literal["copy", "link", "none"]


class Pictures:
    """Looks for files in the folders of one data set, in turn."""

    def __init__(self, root: Path, *folders: str) -> None:
        self._root = root.resolve()
        self._folders = [self._root / folder for folder in folders or ("",)]
        self._real = lru_cache(maxsize=1024)(
            lambda folder: Path(os.path.realpath(folder))
        )  # looking at each anew would cost most of the time

    def find(self, file: str) -> Path | None:
        """Where it is; None: nowhere. ItemError for a name or a link that leads out of the data set."""
        check_file(file)
        for folder in self._folders:
            path = folder / file
            try:
                link = path.is_symlink()
                if not path.is_file():
                    continue
            except OSError:
                continue
            real = Path(os.path.realpath(path)) if link else self._real(str(path.parent)) / path.name
            if not real.is_relative_to(self._root):
                raise ItemError("file name", f"file name {file[:80]!r}: leads out of {self._root} by a link; put the picture itself there")
            return path
        return None


def place(item: Item, target: Path, mode: Mode) -> None:
    """The item's picture at `target`; a hard link where that is wanted and possible, else a copy."""
    if mode == "none" or item.path is None:
        return
    with storage(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if mode == "link":
            try:
                os.link(item.path, target)
                return
            except FileExistsError:
                return
            except OSError:
                pass  # another file system, or one without links: a copy does
        if not target.exists():
            shutil.copyfile(item.path, target)
