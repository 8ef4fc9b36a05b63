"""Every test of the store that asks for a `url` runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trainer.store.postgres import BIN, Server, server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    if BIN is None:
        pytest.skip("PostgreSQL is not installed")
    with server() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    running: Server = request.getfixturevalue("postgres")
    return running.database()
