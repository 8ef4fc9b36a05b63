"""A home with a small data set, made once; tests that change something get one of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.trainer.train import worlds
from trainer.home import Home


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Runs of several tests are beside one another in it; the set and its split stay as they are."""
    home = Home(tmp_path_factory.mktemp("trainer") / "home")
    worlds.make_set(home)
    worlds.make_split(home)
    return home
