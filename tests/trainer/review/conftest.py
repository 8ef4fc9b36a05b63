"""A home of its own for each test; where a test asks for `url` the store is SQLite and a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from tests.trainer.review.homes import Place, place
from tests.trainer.store.conftest import postgres, url

__all__ = ["postgres", "url"]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path / "home") as made:
        yield made
