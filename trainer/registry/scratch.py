"""Scratch: a folder beside the bundles for one that is being made; what a kill left of an earlier one goes after a day."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.files import storage
from trainer.home import Home

PREFIX = ".making-"
OLD_S = 24 * 3600


@contextmanager
def scratch(home: Home) -> Iterator[Path]:
    """Of the same file system as the bundles, so that what is whole is put in place in one step."""
    with storage(home.bundles), tempfile.TemporaryDirectory(prefix=PREFIX, dir=home.bundles) as made:
        _sweep(home.bundles, Path(made).stat().st_mtime)
        yield Path(made)


def _sweep(folder: Path, now_s: float) -> None:
    """By the file system's own clock; another process may be making one at this moment."""
    for path in folder.glob(f"{PREFIX}*"):
        if path.is_dir() and not path.is_symlink() and now_s - path.stat().st_mtime > OLD_S:
            shutil.rmtree(path, ignore_errors=True)
