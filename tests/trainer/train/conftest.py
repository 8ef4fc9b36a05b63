"""A home with a small data set, made once; tests that change something get one of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.trainer.train import worlds
from trainer.home import Home
from trainer.jobs.told import Silent
from trainer.train.detector import train_detector
from trainer.train.run_folder import RunFolder, open_run


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


@pytest.fixture(scope="session")
def whole(shapes: Home) -> RunFolder:
    """A run that nothing happened to; on one thread, as those that are held against it."""
    before = torch.get_num_threads()
    try:
        return open_run(shapes, train_detector(worlds.WHOLE, shapes, Silent()).id)
    finally:
        torch.set_num_threads(before)
