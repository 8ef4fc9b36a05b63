"""A repository that is served, a factory bundle, and a box that has it; a newer bundle that it is not to take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.device.update.box import TestBox, a_box, bundle
from tests.device.update.repository import Repository
from tests.device.update.server import Files, serving
from vision.bundle import StoredBundle


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def served(repository: Repository) -> Iterator[Files]:
    with serving(repository.folder) as files:
        yield files


@pytest.fixture
def factory(tmp_path: Path) -> StoredBundle:
    """A folder, as bundles come with the software."""
    return bundle(tmp_path / "factory", "1.0.0")


@pytest.fixture
def box(tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle) -> Iterator[TestBox]:
    with a_box(tmp_path / "data", repository, factory, served.url) as made:
        yield made


@pytest.fixture
def v2(tmp_path: Path) -> StoredBundle:
    return bundle(tmp_path / "v2.vdb")


@pytest.fixture
def old_model_serves(box: TestBox, factory: StoredBundle) -> Iterator[None]:
    """Whatever was tried."""
    yield
    assert box.current == factory.digest
    assert box.parts.slots.open(factory.digest).manifest.version == "1.0.0"  # every byte of it
    assert box.parts.ledger.flaw() == ""
