"""Killed, or without power, at any step: the model in force is the last good one or the new one, whole; floors never go down."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.update import Model
from device.update.floors import Floors
from device.update.ledger import Ledger
from device.update.slots import Slots
from device.update.state import State
from tests.device.update.box import a_box, bundle
from tests.device.update.repository import Repository
from tests.device.update.server import Files
from tests.hostile.power_disk import LoopDisk, loop_disk
from vision.bundle import StoredBundle

ROOT = Path(__file__).resolve().parents[3]
STATES = ("downloading", "verified", "preflight", "selftest", "trial", "committed")


class Lives:
    """Boxes in processes of their own, one after another."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.device.update.life"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def one(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "crashed" not in said, said
        return said

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


class Scene:
    """A box that has seen version 2 of everything, is to take version 3, and what it had before."""

    def __init__(self, tmp_path: Path, repository: Repository, files: Files, factory: StoredBundle, lives: Lives) -> None:
        self.repository, self.files = repository, files
        self.seed, self._raw, self._lives = tmp_path / "seed", tmp_path / "assignment.json", lives
        self.old = self._release(tmp_path, "2.0.0")
        with a_box(self.seed, repository, factory, files.url) as box:
            assert box.told(repository.assign(self.old)).state == "committed"
        self.new = self._release(tmp_path, "3.0.0")
        self.raw = repository.assign(self.new)
        self.assign(self.raw)
        self.before = seen(self.seed)[0]

    def assign(self, raw: bytes) -> None:
        self._raw.write_bytes(raw)

    def one(self, data: Path, **order: Any) -> dict[str, Any]:
        """A box on `data`, and what becomes of it."""
        whole = {
            "repository": str(self.repository.folder), "keys": self.repository.keys.model_dump(mode="json"), "url": self.files.url,
            "raw": str(self._raw), "data": str(data),
        }  # fmt: skip
        return self._lives.one({**whole, **order})

    def _release(self, tmp_path: Path, version: str) -> Model:
        model = self.repository.release(bundle(tmp_path / f"{version}.vdb", version))
        self.repository.publish()
        return model

    def fresh(self, data: Path) -> Path:
        if data.exists():
            shutil.rmtree(data)
        return Path(shutil.copytree(self.seed, data, symlinks=True))

    def after_the_cut(self, data: Path) -> None:
        """What a start finds, before it does anything."""
        floors, current = seen(data)
        assert current in {self.old.digest, self.new.digest}
        assert all(floors.get(role, 0) >= version for role, version in self.before.items()), (floors, self.before)

    def goes_on(self, data: Path) -> None:
        said = self.one(data)
        assert (said["state"], said["current"]) == ("committed", self.new.digest), said
        floors, _ = seen(data)
        assert [version for role, version in floors.items() if role.startswith("seq:device:edge01:")] == [2]


def seen(data: Path) -> tuple[dict[str, int], str | None]:
    slots, state = Slots(data / "models"), State(data / "update" / "state.sqlite")
    try:
        current = slots.linked("current")
        assert current is not None
        assert slots.open(current).digest == current  # every byte of it
        for name in ("previous", "factory"):
            assert slots.linked(name) is not None  # type: ignore[arg-type]
        assert Ledger(state).flaw() == ""
        return Floors(state).versions(), current
    finally:
        state.close()


@pytest.fixture(scope="module")
def lives() -> Iterator[Lives]:
    made = Lives()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def stage(tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle, lives: Lives) -> Scene:
    return Scene(tmp_path, repository, served, factory, lives)


def test_killed_as_each_state_is_reached_the_box_goes_on_from_there(tmp_path: Path, stage: Scene) -> None:
    data = tmp_path / "box"
    for state in STATES:
        stage.fresh(data)
        assert stage.one(data, state=state, golden=state == "selftest") == {"killed": signal.SIGKILL}, state
        stage.after_the_cut(data)
        assert seen(data)[1] == (stage.new.digest if state == "committed" else stage.old.digest)
        stage.goes_on(data)


def _points(stage: Scene, data: Path, most: int) -> list[int]:
    count = stage.one(stage.fresh(data))["count"]
    assert count > 40  # what is made durable on the way
    return list(range(1, count + 1, max(1, count // most)))


def test_killed_at_any_step_between(tmp_path: Path, stage: Scene) -> None:
    data = tmp_path / "box"
    for at in _points(stage, data, 14):
        stage.fresh(data)
        assert stage.one(data, at=at) == {"killed": signal.SIGKILL}, at
        stage.after_the_cut(data)
        stage.goes_on(data)


def test_killed_again_and_again_each_byte_is_fetched_once(tmp_path: Path, stage: Scene) -> None:
    data = stage.fresh(tmp_path / "box")
    before = stage.files.sent_below("targets/")
    for at in (30, 40, 50, 25, 45):
        stage.one(data, at=at)
    stage.goes_on(data)
    assert stage.files.sent_below("targets/") - before <= stage.new.length


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    with loop_disk(tmp_path, "ext4", 64) as made:
        yield made


def cut_at(stage: Scene, disk: LoopDisk, at: int) -> Path:
    data = stage.fresh(disk.path / "box")
    os.sync()
    assert stage.one(data, at=at, disk=str(disk.path)) == {"killed": signal.SIGKILL}
    disk.umount()
    assert disk.mount() == ""
    return data


def test_the_power_goes_at_any_step(tmp_path: Path, stage: Scene, disk: LoopDisk) -> None:
    for at in _points(stage, tmp_path / "box", 5):
        data = cut_at(stage, disk, at)
        stage.after_the_cut(data)
        stage.goes_on(data)


def test_after_a_power_cut_tuf_alone_takes_the_replay_and_this_box_does_not(stage: Scene, disk: LoopDisk, tmp_path: Path) -> None:
    data = stage.fresh(disk.path / "box")
    os.sync()
    folder = stage.repository.folder / "metadata"
    older = shutil.copytree(folder, tmp_path / "older")
    stage.repository.targets.clear()  # both models are taken back: nobody shall run them any more
    stage.repository.publish()
    alone = disk.path / "alone"
    assert stage.one(data, state="end", disk=str(disk.path), ngclient=str(alone)) == {"killed": signal.SIGKILL}
    disk.umount()
    assert disk.mount() == ""
    shutil.copytree(older, folder, dirs_exist_ok=True)  # and somebody serves what was before
    from tuf.ngclient import Updater as NgClient

    alone.mkdir(exist_ok=True)
    client = NgClient(str(alone), f"{stage.files.url}/metadata/", bootstrap=stage.repository.root)
    assert client.get_targetinfo(stage.new.target) is not None  # python-tuf alone: its cache did not live through the cut
    stage.assign(stage.repository.assign(stage.new))
    said = stage.one(data)
    assert (said["state"], said["code"], said["current"]) == ("rejected", "E_ROLLBACK", stage.old.digest)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("kind", "megabytes"), [("ext4", 64), ("xfs", 320)])
def test_the_power_goes_at_every_step(tmp_path: Path, stage: Scene, kind: str, megabytes: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Each once; then, to `CUTS` in all, any step and any of what goes on from there."""
    with loop_disk(tmp_path, kind, megabytes) as disk:
        points = _points(stage, tmp_path / "box", 1 << 30)
        for at in points:
            data = cut_at(stage, disk, at)
            stage.after_the_cut(data)
            stage.goes_on(data)
        cuts, rng = len(points), random.Random(int(os.environ.get("SEED", "7")))
        while cuts < int(os.environ.get("CUTS", "300")):
            data = cut_at(stage, disk, rng.choice(points))
            again = rng.randrange(1, len(points))
            said = stage.one(data, at=again, disk=str(disk.path))
            if "killed" in said:
                cuts += 1
                disk.umount()
                assert disk.mount() == ""
            else:
                assert said["state"] == "committed", said  # it was at its end before
            cuts += 1
            stage.after_the_cut(data)
            stage.goes_on(data)
    with capsys.disabled():
        sys.stdout.write(f"\n{kind}: {cuts} power cuts at {len(points)} places, and in what goes on from there\n")
