"""Three boxes and a broker with a real systemd on a network of their own, and Ansible that reaches them by ssh alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.ansible.fleet import ROOT, Fleet, ill, with_trainer
from tests.deploy.install.release_box import OLD, media
from tests.deploy.soaking import mark_all, skip_without_boxes


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_all(items, Path(__file__).parent, 3600)


@pytest.fixture(scope="session")
def programs() -> Path:
    """Where Ansible's programs are."""
    if given := os.environ.get("VEDETTE_ANSIBLE"):
        return Path(given)
    done = subprocess.run([str(ROOT / "scripts/fleet")], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"there is no Ansible here: {done.stderr.strip()[-300:]}")
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    skip_without_boxes()
    made = os.environ.get("VEDETTE_STICK")  # by an earlier run, to try again without fetching and packing
    stick = Path(made) if made else media(tmp_path_factory.mktemp("stick"))
    ill(stick)
    with_trainer(stick)
    return stick


@pytest.fixture(scope="session")
def fleet(programs: Path, releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """After the first run of site.yml."""
    made = Fleet(tmp_path_factory.mktemp("fleet"), programs, releases)
    try:
        made.begin()
        yield made
    finally:
        made.end()


@pytest.fixture
def old(fleet: Fleet) -> Fleet:
    """All boxes READY with the old release."""
    assert fleet.first is not None
    assert fleet.first.code == 0, fleet.first.said[-6000:]
    if set(fleet.versions()) != {OLD}:
        back = fleet.play("playbooks/rollback.yml", rollback_to=OLD, rollback_at_a_time="100%")
        assert back.code == 0, back.said[-4000:]
    return fleet
