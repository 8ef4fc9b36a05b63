"""Releases that every test here shares, and a fresh box for each file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import nspawn
from tests.deploy.install.release_box import ReleaseBox, media

PROGRAMS = ("systemd-nspawn", "debootstrap", "nsenter", "ip")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.soak)
            item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture(scope="session")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing or os.geteuid():
        pytest.skip(f"boxes need root and systemd-container, debootstrap, iproute2; here: {', '.join(missing) or 'no root'}")
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
