"""A home with a run, once; a yard of it for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnx")
pytest.importorskip("tuf")
pytest.importorskip("sqlalchemy")

from tests.trainer.push.yards import Yard, yard_in
from tests.trainer.registry.works import trained_home
from trainer.home import Home


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return trained_home(tmp_path_factory.mktemp("template") / "home")


@pytest.fixture
def yard(tmp_path: Path, template: Home, monkeypatch: pytest.MonkeyPatch) -> Yard:
    monkeypatch.delenv("VEDETTE_STORE", raising=False)
    return yard_in(tmp_path, template)
