"""Revisions: configurations that were pushed to this box, each in a folder by its hash, and the links current, good and previous.

`current` is in force. It is on trial where it is not also `good`; `previous` is what was good before. No link: no revision.
The standard library alone: the boot guard takes one back when nothing else works.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from contracts.files import sync_folder

Link = Literal["current", "good", "previous"]
LINKS: tuple[Link, ...] = ("current", "good", "previous")
FOLDER, FILE, LABEL = Path("config/pushed"), "revision.yaml", "label.json"
NEW, OLD = ".new-", ".old-"  # of a folder that is being made or removed
HEX = re.compile(r"[0-9a-f]{64}")


class Revisions:
    """One thread changes them; each link is whole at any moment. OSError where the disk refuses."""

    def __init__(self, data: Path) -> None:
        self.folder = data / FOLDER

    def path(self, digest: str) -> Path:
        return self.folder / digest / FILE

    def has(self, digest: str) -> bool:
        """Every byte as it was signed."""
        try:
            return HEX.fullmatch(digest) is not None and hashlib.sha256(self.path(digest).read_bytes()).hexdigest() == digest
        except OSError:
            return False

    def put(self, body: bytes, label: dict[str, Any]) -> str:
        """Whole or not there. Its digest."""
        digest = hashlib.sha256(body).hexdigest()
        if self.has(digest):
            return digest
        new = self.folder / f"{NEW}{digest}"
        self.folder.mkdir(parents=True, exist_ok=True)
        sync_folder(self.folder.parent.parent)
        sync_folder(self.folder.parent)
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o750)
        _write(new / FILE, body)
        _write(new / LABEL, json.dumps(label).encode())
        sync_folder(new)
        shutil.rmtree(self.folder / digest, ignore_errors=True)  # one that was spoilt
        new.replace(self.folder / digest)
        sync_folder(self.folder)
        return digest

    def label(self, digest: str) -> dict[str, Any]:
        """What was said of it when it came; nothing where that cannot be read."""
        try:
            found = json.loads((self.folder / digest / LABEL).read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def linked(self, name: Link) -> str | None:
        """The digest of a revision that is there."""
        try:
            target = str((self.folder / name).readlink())
        except OSError:
            return None
        return target if HEX.fullmatch(target) and self.path(target).is_file() else None

    @property
    def on_trial(self) -> bool:
        return self.linked("current") != self.linked("good")

    def link(self, name: Link, digest: str | None) -> None:
        """In one step, and on the disk when it returns; None takes the link away."""
        if digest is None:
            (self.folder / name).unlink(missing_ok=True)
        else:
            temp = self.folder / f".{name}.tmp"
            temp.unlink(missing_ok=True)
            temp.symlink_to(digest)
            temp.replace(self.folder / name)
        if self.folder.is_dir():
            sync_folder(self.folder)

    def keep(self) -> None:
        """What is in force has shown itself. Cut off between, it is still on trial."""
        now, good = self.linked("current"), self.linked("good")
        if now != good:
            self.link("previous", good)
            self.link("good", now)

    def back(self) -> None:
        """To the good one, or to none."""
        self.link("current", self.linked("good"))

    def rollback(self) -> None:
        """What was good before is good again. Cut off between, `back` does the rest."""
        now, before = self.linked("good"), self.linked("previous")
        self.link("good", before)
        self.link("current", before)
        self.link("previous", now)

    def digests(self) -> list[str]:
        names = (path.name for path in self.folder.glob("*") if HEX.fullmatch(path.name) and not path.is_symlink())
        return [name for name in sorted(names) if self.path(name).is_file()]

    def collect(self, keep: Iterable[str] = ()) -> None:
        """What no link names goes, and what was half made."""
        kept = {*keep, *(self.linked(name) for name in LINKS)}
        for digest in (each for each in self.digests() if each not in kept):
            (self.folder / digest).replace(self.folder / f"{OLD}{digest}")
        for path in [*self.folder.glob(f"{NEW}*"), *self.folder.glob(f"{OLD}*")]:
            shutil.rmtree(path, ignore_errors=True)


def _write(path: Path, body: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o440)
    with os.fdopen(handle, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
