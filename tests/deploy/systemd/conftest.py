"""A tree, a release over it, and an appliance in it that every test of a file shares."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import nspawn
from tests.deploy.soaking import mark_all, skip_without_boxes
from tests.deploy.systemd.appliance import Appliance
from tests.deploy.systemd.layer import PYTHON, make_layer

# A box is a machine of its own, and what is timed are its few seconds at a start: they do not wait for whatever else runs here.
ALONE = "[Service]\nCPUSchedulingPolicy=rr\nCPUSchedulingPriority=1\n"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of it is long, and each waits for a watchdog at least once."""
    mark_all(items, Path(__file__).parent, 900)


@pytest.fixture(scope="session")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    skip_without_boxes()
    if f"python{sys.version_info.major}.{sys.version_info.minor}" != PYTHON:
        pytest.skip(f"the packages here are not for {PYTHON}, which the tree has")
    return make_layer(tmp_path_factory.mktemp("layer"))


@pytest.fixture(scope="module")
def box(layer: Path) -> Iterator[nspawn.Box]:
    name = f"soak-{os.getpid()}"
    nspawn.clone(name, layers=[layer])
    try:
        yield nspawn.boot(name)
    finally:
        nspawn.remove(name)


@pytest.fixture(scope="module")
def appliance(box: nspawn.Box) -> Appliance:
    """Configured, and not started yet."""
    found = Appliance(box)
    found.call("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "vedette")
    found.drop_in("machine", ALONE)
    found.configure()
    return found
