"""A home with a run and a ceremony held, once; a copy of it for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnx")
pytest.importorskip("tuf")
pytest.importorskip("sqlalchemy")

from tests.trainer.push.yards import Yard, copied, yard_in
from tests.trainer.registry.works import trained_home
from trainer.home import Home


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return trained_home(tmp_path_factory.mktemp("template") / "home")


@pytest.fixture(scope="session")
def held(tmp_path_factory: pytest.TempPathFactory, template: Home) -> Yard:
    return yard_in(tmp_path_factory.mktemp("held"), template)


@pytest.fixture
def yard(tmp_path: Path, held: Yard, monkeypatch: pytest.MonkeyPatch) -> Yard:
    monkeypatch.delenv("VEDETTE_STORE", raising=False)
    return copied(held, tmp_path)
