"""How an attack ends: what a box must say of it, by name."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

from contracts.update import UpdateCode
from tests.device.update.box import TestBox
from tests.device.update.repository import Repository

DAY = timedelta(days=1)


def rejected(box: TestBox, raw: bytes, code: UpdateCode) -> None:
    """The assignment is accepted, and ends there."""
    report = box.told(raw)
    assert (report.state, report.code) == ("rejected", code), report.words


def refused(box: TestBox, raw: bytes, code: UpdateCode) -> None:
    """The message is not even accepted."""
    before = box.states
    report = box.told(raw)
    assert report.refused is not None
    assert report.refused.code == code, report.refused.words
    assert box.states == before


def waits(box: TestBox, raw: bytes, code: UpdateCode) -> None:
    """It is tried again, and does not get on."""
    report = box.told(raw)
    assert (report.code, report.state in {"offered", "downloading"}) == (code, True), report.words
    assert box.go().code == code


def saved(repository: Repository, to: Path) -> Path:
    shutil.copytree(repository.folder / "metadata", to)
    return to


def put_back(repository: Repository, old: Path, *names: str) -> None:
    for path in old.glob("*.json"):
        if not names or path.name in names:
            shutil.copyfile(path, repository.folder / "metadata" / path.name)
