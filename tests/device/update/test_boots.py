"""Starts and deaths counted: in the file, and by real processes that are killed."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from contracts.errors import StorageError
from device.commands.boot_guard import guard as counted
from device.following import taken_back
from device.update.boots import FAILED, REMEMBERED, Boots
from device.update.config_starts import Starts
from device.update.pin import Pin
from device.update.slots import Slots
from tests.device.update.box import a_box, bundle
from tests.device.update.repository import Repository
from tests.device.update.server import Files
from tests.scenarios.stage import ROOT
from vision.bundle import StoredBundle

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def slots(tmp_path: Path) -> Slots:
    return Slots(tmp_path / "data" / "models")


@pytest.fixture
def boots(tmp_path: Path) -> Boots:
    return Boots(tmp_path / "data")


@pytest.fixture
def factory(tmp_path: Path, slots: Slots) -> StoredBundle:
    made = bundle(tmp_path / "factory.vdb", "1.0.0")
    slots.adopt(made)
    return made


def pushed(tmp_path: Path, slots: Slots, version: str) -> StoredBundle:
    made = bundle(tmp_path / f"{version}.vdb", version)
    slots.put(made)
    slots.flip(made.digest)
    return made


def start(boots: Boots) -> str:
    """As far as the model."""
    words = boots.begin()
    boots.opening()
    return words


def test_three_starts_that_never_come_up_bring_the_last_good_model_back(
    tmp_path: Path, slots: Slots, boots: Boots, factory: StoredBundle
) -> None:
    boots.begin()
    boots.ready()
    new = pushed(tmp_path, slots, "2.0.0")
    assert [start(boots) for _ in range(FAILED)] == [""] * FAILED
    assert slots.linked("current") == new.digest
    words = start(boots)
    assert f"{factory.digest} is in force again" in words
    assert slots.linked("current") == factory.digest
    assert boots.rejects(new.digest) == words
    assert [each.digest for each in boots.untold()] == [new.digest]
    boots.told()
    assert not boots.untold()


def test_a_start_that_comes_up_ends_the_count(tmp_path: Path, slots: Slots, boots: Boots, factory: StoredBundle) -> None:
    new = pushed(tmp_path, slots, "2.0.0")
    for _ in range(FAILED):
        start(boots)
    boots.ready()
    for _ in range(FAILED + 3):  # it was good once: what fails now is something else
        start(boots)
    assert slots.linked("current") == new.digest
    assert boots.count().good == new.digest


def test_starts_that_fail_before_the_model_is_opened_say_nothing_of_it(
    tmp_path: Path, slots: Slots, boots: Boots, factory: StoredBundle
) -> None:
    boots.begin()
    boots.ready()
    new = pushed(tmp_path, slots, "2.0.0")
    assert [start(boots) for _ in range(FAILED - 1)] == [""] * (FAILED - 1)
    assert [boots.begin() for _ in range(3 * FAILED)] == [""] * 3 * FAILED
    assert slots.linked("current") == new.digest
    boots.opening()  # it was mended, and now it is the model again
    assert factory.digest in boots.begin()


def test_a_configuration_that_cannot_be_read_costs_no_model(tmp_path: Path, slots: Slots, boots: Boots, factory: StoredBundle) -> None:
    """A real start, which ends at its configuration; with others like it there is none to blame."""
    boots.begin()
    boots.ready()
    new = pushed(tmp_path, slots, "2.0.0")
    (tmp_path / "device.yaml").write_text("cameras: [")
    assert boots.begin() == ""
    command = [sys.executable, "-m", "device.main", "run", "--config", str(tmp_path / "device.yaml")]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False).returncode == 2
    assert not boots.count().opened
    assert [boots.begin() for _ in range(FAILED + 1)] == [""] * (FAILED + 1)
    assert slots.linked("current") == new.digest


def test_the_one_that_was_good_goes_before_the_previous_and_that_before_the_factorys(
    tmp_path: Path, slots: Slots, boots: Boots, factory: StoredBundle
) -> None:
    good = pushed(tmp_path, slots, "2.0.0")
    boots.begin()
    boots.ready()
    pushed(tmp_path, slots, "3.0.0")
    for _ in range(FAILED + 1):
        start(boots)
    assert slots.linked("current") == good.digest


def test_where_there_is_nothing_to_go_back_to_the_start_goes_on(boots: Boots, slots: Slots, factory: StoredBundle) -> None:
    assert [start(boots) for _ in range(2 * FAILED)] == [""] * (2 * FAILED)
    assert slots.linked("current") == factory.digest


def test_a_box_without_updates_has_no_count(tmp_path: Path, boots: Boots) -> None:
    assert boots.begin() == ""
    boots.ready()
    assert not (tmp_path / "data").exists()


def test_deaths_while_a_model_is_tried_are_counted_for_it_alone(boots: Boots, factory: StoredBundle) -> None:
    boots.trying(DIGEST)
    assert ["it is not tried again" in boots.begin() for _ in range(FAILED)] == [False, False, True]
    assert boots.rejects(DIGEST)
    assert boots.count().trial == ""
    other = "sha256:" + "b" * 64
    boots.trying(other)
    boots.begin()
    boots.trying(other)
    boots.tried()
    assert boots.count().deaths == 0
    assert not boots.rejects(other)


@pytest.mark.parametrize("content", [b"", b"\0", b"[]", b'{"rejected": 3}', b"[" * 100_000])
def test_a_spoilt_count_is_begun_anew(boots: Boots, factory: StoredBundle, content: bytes) -> None:
    boots.path.parent.mkdir(parents=True, exist_ok=True)
    boots.path.write_bytes(content)
    assert boots.begin() == ""
    assert boots.count().unready == 1


def test_the_list_of_rejected_ones_is_bounded(boots: Boots, factory: StoredBundle) -> None:
    for number in range(REMEMBERED + 3):
        boots.trying(f"sha256:{number:064x}")
        for _ in range(FAILED):
            boots.begin()
    assert len(boots.count().rejected) == REMEMBERED


def guard(data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "device.main", "boot-guard", "--data", str(data)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_prevents_no_start_whatever_is_broken(tmp_path: Path, slots: Slots, boots: Boots, factory: StoredBundle) -> None:
    assert guard(tmp_path / "nothing").returncode == 0
    boots.path.parent.mkdir(parents=True, exist_ok=True)
    boots.path.with_name(".boots.json.tmp").mkdir()  # it cannot be written
    said = guard(tmp_path / "data")
    assert (said.returncode, "starts are not counted" in said.stderr) == (0, True)


def test_what_the_guard_took_back_is_told_as_a_rejection(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle
) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb", "2.0.0"))
    repository.publish()
    boots, data = Boots(tmp_path / "data"), tmp_path / "data"
    with a_box(data, repository, factory, served.url) as box:
        boots.begin()
        boots.ready()
        assert box.told(repository.assign(model)).current == model.digest
    for _ in range(FAILED + 1):
        start(boots)
    with a_box(data, repository, factory, served.url) as box:
        taken_back(boots, box.parts.ledger, box.clock)
        taken_back(boots, box.parts.ledger, box.clock)  # once is enough
        assert box.states[-2:] == ["committed", "rejected"]
        assert box.parts.ledger.flaw() == ""
    with a_box(data, repository, factory, served.url) as box:
        report = box.go()
        assert (report.state, report.code, report.current) == ("rejected", "E_CRASHLOOP", factory.digest)
        assert "never became ready" in report.words


def test_cut_off_while_it_takes_back_the_next_start_does_the_rest(
    tmp_path: Path, slots: Slots, boots: Boots, factory: StoredBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    boots.begin()
    boots.ready()
    new = pushed(tmp_path, slots, "2.0.0")
    for _ in range(FAILED):
        start(boots)
    with monkeypatch.context() as cut:
        cut.setattr(Boots, "_link", lambda self, digest: (_ for _ in ()).throw(OSError("cut")))
        with pytest.raises(OSError, match="cut"):
            boots.begin()
    assert slots.linked("current") == new.digest
    assert boots.begin()
    assert slots.linked("current") == factory.digest
    assert boots.rejects(new.digest)


def unsynced(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """A disk that takes names in `folder` and does not get them down, as one that is dying."""
    fsync = os.fsync

    def refuse(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").resolve() == folder.resolve():
            raise OSError(errno.EIO, "Input/output error")
        fsync(handle)

    patch.setattr(os, "fsync", refuse)


def test_a_folder_that_cannot_be_synced_is_a_fault_and_nothing_is_taken_as_done(
    tmp_path: Path, slots: Slots, boots: Boots, factory: StoredBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    boots.begin()
    boots.ready()
    new = pushed(tmp_path, slots, "2.0.0")
    for _ in range(FAILED):
        start(boots)
    with monkeypatch.context() as dying:
        unsynced(dying, boots.path.parent)
        for step in (boots.opening, boots.begin):
            with pytest.raises(StorageError, match="the disk has a fault"):
                step()
        (words,) = counted(tmp_path / "data", "a start")
        assert "starts are not counted" in words
        assert slots.linked("current") == new.digest  # the count comes before the link
    with monkeypatch.context() as dying:
        unsynced(dying, slots.folder)
        with pytest.raises(StorageError, match="the disk has a fault"):
            boots.begin()
    slots.link("current", new.digest)  # the power goes, and what was not synced is as it was
    assert f"{factory.digest} is in force again" in boots.begin()
    assert slots.linked("current") == factory.digest


@pytest.mark.skipif(os.geteuid() != 0, reason="of what root does beside the service")
def test_what_root_writes_beside_the_service_can_be_read_by_it(boots: Boots, factory: StoredBundle) -> None:
    start(boots)
    os.chown(boots.path.parent, 65534, 65534)
    boots.trying(DIGEST)
    Pin(boots.path.parent.parent).on(DIGEST)  # `sudo vedette models pin`
    Starts(boots.path.parent.parent)._write(DIGEST, 1, {})
    for path in boots.path.parent.glob("*[a-z]"):
        assert (path.name, path.stat().st_uid, path.stat().st_gid) == (path.name, 65534, 65534)
    assert len([*boots.path.parent.glob("*[a-z]")]) == 3


def test_it_needs_the_standard_library_alone() -> None:
    program = "import sys; sys.path.insert(0, sys.argv[1]); import device.update.boots, device.update.config_starts"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program, str(ROOT)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


LOOP = """
import os, signal, sys
from pathlib import Path
from device.following import taken_back
from device.update.boots import Boots
boots = Boots(Path(sys.argv[1]))
boots.opening()
if sys.argv[2] == boots.linked("current"):
    os.kill(os.getpid(), signal.SIGKILL)  # a model with which the process dies before it is up
boots.ready()
"""


def test_a_loop_of_real_processes_that_die_ends_with_the_last_good_model_up(
    tmp_path: Path, slots: Slots, boots: Boots, factory: StoredBundle
) -> None:
    """What systemd does, with the model that kills whoever starts with it."""
    boots.begin()
    boots.ready()
    new = pushed(tmp_path, slots, "2.0.0")
    began, codes = time.monotonic(), []
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(10):
        assert guard(tmp_path / "data").returncode == 0
        command = [sys.executable, "-c", LOOP, str(tmp_path / "data"), new.digest]
        codes.append(subprocess.run(command, cwd=ROOT, env=environment, timeout=60, check=False).returncode)
        if codes[-1] == 0:
            break
    assert codes == [-signal.SIGKILL] * FAILED + [0]
    assert slots.linked("current") == factory.digest
    assert boots.count().good == factory.digest
    assert boots.rejects(new.digest)
    assert time.monotonic() - began < 60


def test_what_one_thread_counts_is_not_written_over_by_another(boots: Boots, factory: StoredBundle) -> None:
    start(boots)
    over = threading.Event()

    def comes_up() -> None:
        while not over.is_set():
            boots.ready()

    with ThreadPoolExecutor(1) as main:
        running = main.submit(comes_up)
        try:
            for _ in range(30):
                boots.trying(DIGEST)
                assert boots.count().trial == DIGEST, "should the box end now, nobody would know with what"
                boots.tried()
        finally:
            over.set()
        running.result(10)
