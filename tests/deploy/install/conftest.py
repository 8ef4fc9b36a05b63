"""Releases that every test here shares, and a fresh box for each file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import nspawn
from tests.deploy.install.release_box import ReleaseBox, media
from tests.deploy.soaking import mark_all, skip_without_boxes


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_all(items, Path(__file__).parent, 3600)


@pytest.fixture(scope="session")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    skip_without_boxes()
    made = os.environ.get("VEDETTE_STICK")  # by an earlier run, to try again without fetching and packing
    return Path(made) if made else media(tmp_path_factory.mktemp("stick"))


@pytest.fixture(scope="module")
def box(stick: Path, request: pytest.FixtureRequest) -> Iterator[ReleaseBox]:
    name = f"{request.module.__name__.rpartition('_')[2][:12]}-{os.getpid()}"
    nspawn.clone(name, layers=[stick])
    try:
        yield ReleaseBox(nspawn.boot(name))
    finally:
        nspawn.remove(name)
