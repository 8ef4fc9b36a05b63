"""Boxes without an owner, a camera to find, and a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.device.setup.newbox import NewBox
from tests.device.web.conftest import chromium
from tests.scenarios.stage import RtspServer, film

__all__ = ["box", "camera", "chromium"]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[NewBox]:
    made = NewBox(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    """A network camera: a white box walks through its picture again and again."""
    visits = [(float(n), n + 4.5) for n in range(0, 40, 5)]
    server = RtspServer(film(tmp_path_factory.mktemp("film") / "film.mkv", visits, 40.0))
    server.start()
    yield server
    server.kill()
