"""Killed, or without power, at any step of a configuration: the one in force is the old or the new one, whole, and it ends as it would."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from device.update.config_slots import Revisions
from device.update.ledger import Ledger
from device.update.state import State
from tests.device.update.configs import World, lived
from tests.device.update.repository import Repository
from tests.device.update.server import Files
from tests.device.update.test_config import AWAY, assigned
from tests.hostile.power_disk import LoopDisk, loop_disk
from vision.bundle import StoredBundle

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.timeout(600)


class Stage:
    """A box with revision 1, which is to take revision 2."""

    def __init__(self, folder: Path, repository: Repository, factory: StoredBundle, url: str) -> None:
        self.seed = folder / "seed"
        first, self.old = assigned(repository, "detection_fps: 4\n")
        lived(World(self.seed, repository, factory, url), first)
        raw, self.new = assigned(repository, "detection_fps: 5\n", rev=2)
        (folder / "raw.json").write_bytes(raw)
        self._order = {
            "repository": str(repository.folder), "keys": repository.keys.model_dump(mode="json"), "url": url, "old": self.old,
            "raw": str(folder / "raw.json"),
        }  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.device.update.config_life"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def one(self, data: Path, **order: Any) -> dict[str, Any]:
        """A life on `data`, and what became of it."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({**self._order, "data": str(data), **order}).encode() + b"\n")
        self._process.stdin.flush()
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "crashed" not in said, said
        return said

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def fresh(self, data: Path) -> Path:
        if data.exists():
            shutil.rmtree(data)
        return Path(shutil.copytree(self.seed, data, symlinks=True))

    def points(self, data: Path, most: int, **order: Any) -> list[tuple[int, int]]:
        """Lives before the one that is cut, and the step in it."""
        found, life, said = [], 0, {"restart": True}
        self.fresh(data)
        while said["restart"]:
            said = self.one(data, **order)
            found += [(life, at) for at in range(1, said["count"] + 1)]
            life += 1
        assert len(found) > 40
        return found[:: max(1, len(found) // most)]

    def cut(self, data: Path, life: int, at: int, **order: Any) -> None:
        for _ in range(life):
            self.one(data, **order)
        ended = self.one(data, at=at, **order)
        assert ended.get("killed", signal.SIGKILL) == signal.SIGKILL

    def after_the_cut(self, data: Path) -> None:
        """What a start finds, before it does anything."""
        revisions = Revisions(data)
        for name in ("current", "good"):
            linked = revisions.linked(name)  # type: ignore[arg-type]
            assert linked in {self.old, self.new} and revisions.has(linked), (name, linked)
        state = State(data / "update" / "state.sqlite")
        assert Ledger(state).flaw() == ""
        state.close()

    def ends(self, data: Path, **order: Any) -> dict[str, Any]:
        for _ in range(6):
            said = self.one(data, **order)
            if not said["restart"]:
                return said
        raise AssertionError(said)

    def ends_as_it_would(self, data: Path, *, well: bool, **order: Any) -> None:
        said = self.ends(data, **order)
        want = ("committed", self.new, self.new, self.old) if well else ("rejected", self.old, self.old, None)
        revisions = Revisions(data)
        links = tuple(revisions.linked(name) for name in ("current", "good", "previous"))  # type: ignore[arg-type]
        assert (said["state"], *links) == want, said
        assert set(revisions.digests()) == {link for link in links if link}


@pytest.fixture
def stage(tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle) -> Iterator[Stage]:
    made = Stage(tmp_path, repository, factory, served.url)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("well", [True, False], ids=["it stays", "it is taken back"])
def test_killed_at_any_step_it_ends_as_it_would_have(well: bool, tmp_path: Path, stage: Stage) -> None:
    order = {} if well else {"with_new": AWAY.model_dump()}
    data = tmp_path / "box"
    for life, at in stage.points(data, 4, **order):
        stage.fresh(data)
        stage.cut(data, life, at, **order)
        stage.after_the_cut(data)
        stage.ends_as_it_would(data, well=well, **order)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("well", [True, False], ids=["it stays", "it is taken back"])
def test_the_power_goes_at_every_step(well: bool, tmp_path: Path, stage: Stage) -> None:
    order = {} if well else {"with_new": AWAY.model_dump()}
    points = stage.points(tmp_path / "box", 1 << 30, **order)
    with loop_disk(tmp_path, "ext4", 64) as disk:
        for life, at in points:
            data = cut_off(stage, disk, life, at, **order)
            stage.after_the_cut(data)
            stage.ends_as_it_would(data, well=well, **order)


def cut_off(stage: Stage, disk: LoopDisk, life: int, at: int, **order: Any) -> Path:
    data = stage.fresh(disk.path / "box")
    os.sync()
    for _ in range(life):
        stage.one(data, **order)
    if "killed" in stage.one(data, at=at, disk=str(disk.path), **order):
        disk.umount()
        assert disk.mount() == ""
    return data
