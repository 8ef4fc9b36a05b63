"""Place: the folder of the home where what is released lies, the keys that are online, and what boxes are provisioned with."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field, ValidationError

from contracts.envelope import first_fault
from contracts.errors import ConfigError
from contracts.files import make_folders, storage, write_durably
from contracts.wire import Wire
from dataset.layout import read_small
from trainer.home import Home

LARGEST = 64 << 10
SECRET = 0o700


class Lives(Wire):
    """How long what is signed counts, chosen in the ceremony."""

    root_days: int = Field(default=730, ge=1, le=7300)
    targets_days: int = Field(default=365, ge=1, le=3650)
    fresh_days: int = Field(default=30, ge=2, le=365, description="of snapshot and timestamp, which are signed anew each day")


class Place:
    """`repository` is what boxes fetch, and what is copied onto a stick; `trust` is what they get by hand."""

    def __init__(self, home: Home) -> None:
        self.path = home.path / "push"
        self.repository = self.path / "repository"
        self.metadata, self.targets, self.desired = (self.repository / name for name in ("metadata", "targets", "desired"))
        self.keys, self.trust = self.path / "keys", self.path / "trust"

    @property
    def begun(self) -> bool:
        return (self.trust / "assignment.json").is_file()

    def require(self) -> None:
        if not self.begun:
            raise ConfigError(f"{self.path}: nothing can be released yet; hold the ceremony with `vedette-trainer keys init --root FOLDER`")

    def make(self, lives: Lives) -> None:
        with storage(self.path):
            for folder in (self.metadata, self.targets, self.desired, self.keys, self.trust):
                make_folders(folder)
            self.keys.chmod(SECRET)
        write_durably(self.path / "lives.json", lives.model_dump_json(indent=1).encode() + b"\n")

    @property
    def lives(self) -> Lives:
        path = self.path / "lives.json"
        try:
            return Lives.model_validate_json(read_small(path, LARGEST))
        except ValidationError as error:
            raise ConfigError(f"{path}: {first_fault(error)}; correct it, or bring back its copy") from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Of several processes one writes."""
        with storage(self.path):
            make_folders(self.path)
            lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
