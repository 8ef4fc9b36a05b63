"""Home: the trainer's folder: its store, pictures, data sets, splits, runs, bundles, keys and verdicts, each in its place."""

from __future__ import annotations

import os
import re
from pathlib import Path

from contracts.errors import ConfigError
from contracts.files import inside, make_folders, storage

VARIABLE, DEFAULT = "VEDETTE_TRAINER_HOME", "vedette-trainer-home"
STORE, BLOBS = "VEDETTE_STORE", "VEDETTE_BLOBS"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
SECRET = 0o700


class Home:
    """`path` is made when it is not there. The environment may name a store and a place of blobs elsewhere."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        with storage(self.path):
            parts = self.sets, self.splits, self.runs, self.bundles, self.verdicts, self.gates, self.configs, self.roots, self.keys
            for folder in (self.path, *parts):
                make_folders(folder)
            self.keys.chmod(SECRET)

    @property
    def store(self) -> str:
        """What `Database` takes: VEDETTE_STORE, or the file here."""
        return os.environ.get(STORE) or str(self.path / "store.sqlite")

    @property
    def blobs(self) -> str:
        """What `open_blobs` takes: VEDETTE_BLOBS, or the folder here."""
        return os.environ.get(BLOBS) or str(self.path / "blobs")

    @property
    def sets(self) -> Path:
        return self.path / "sets"

    @property
    def splits(self) -> Path:
        return self.path / "splits"

    @property
    def runs(self) -> Path:
        return self.path / "runs"

    @property
    def bundles(self) -> Path:
        return self.path / "bundles"

    @property
    def keys(self) -> Path:
        """Only its owner may look into it."""
        return self.path / "keys"

    @property
    def gates(self) -> Path:
        """Files of rules by which jobs judge, put here by who keeps this machine."""
        return self.path / "gates"

    @property
    def configs(self) -> Path:
        """Configurations of runs, put here likewise: they may name paths and programs."""
        return self.path / "configs"

    @property
    def roots(self) -> Path:
        """The root of each data set as it was when it was last computed."""
        return self.path / "roots"

    @property
    def verdicts(self) -> Path:
        return self.path / "verdicts"


def named(folder: Path, name: str, suffix: str = "") -> Path:
    """The entry of that name in one of the home's folders; ConfigError for what is no plain name. It need not be there."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"{folder.name} {name[:90]!r}: is no name; use letters, digits, dots, hyphens and underscores, at most 80")
    return inside(folder, name + suffix)


def home_path(given: Path | None) -> Path:
    """What --home says, else VEDETTE_TRAINER_HOME, else a folder here."""
    return given or Path(os.environ.get(VARIABLE) or DEFAULT)


def store_in(store: str | None, home: Path | None) -> str:
    """What --store says, else VEDETTE_STORE, else that of the home."""
    return store or os.environ.get(STORE) or Home(home_path(home)).store


def blobs_in(blobs: str | None, home: Path | None) -> str:
    """What --blobs says, else VEDETTE_BLOBS, else those of the home."""
    return blobs or os.environ.get(BLOBS) or Home(home_path(home)).blobs
