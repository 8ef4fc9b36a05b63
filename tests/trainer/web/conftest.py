"""A page with three people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from tests.trainer.web.pages import Running, parts_in


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Running]:
    running = Running(parts_in(tmp_path))
    yield running
    running.close()
    running.parts.database.close()
