"""The other roads: a stick without any network, and the broker alone; one verifier judges what any of them brings."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.update import ASK_BYTES, ChunkAsk
from device.roads import Roads
from device.update.https import Https
from device.update.mqtt_chunks import MqttChunks
from device.update.options import Options
from device.update.refusal import Refusal
from device.update.roads import Missing
from device.update.usb import Usb
from tests.device.update.box import HandClock, a_box, bundle, heavy
from tests.device.update.repository import Repository
from tests.device.update.server import Files
from vision.bundle import StoredBundle


@pytest.fixture
def stick(tmp_path: Path) -> Usb:
    return Usb(tmp_path / "stick")


def copied(repository: Repository, stick: Usb) -> None:
    shutil.copytree(repository.folder, stick.folder, dirs_exist_ok=True)


def test_a_stick_brings_what_is_assigned_and_the_bundle(tmp_path: Path, repository: Repository, factory: StoredBundle, stick: Usb) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    (repository.folder / "desired" / "edge01.json").write_bytes(repository.assign(model))
    copied(repository, stick)
    with a_box(tmp_path / "data", repository, factory, sticks=[stick]) as box:
        assert box.go().current == model.digest
        assert box.go().refused is None  # it stays plugged in, and says the same again


def test_a_bad_stick_is_judged_as_a_server_is_and_does_not_close_the_other_road(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle, stick: Usb
) -> None:
    copied(repository, stick)  # of before the release: an honest old stick
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    with a_box(tmp_path / "alone", repository, factory, sticks=[stick]) as box:
        assert box.told(repository.assign(model)).code == "E_SIG"
    (stick.folder / "metadata" / "timestamp.json").write_bytes(b"{}")
    with a_box(tmp_path / "both", repository, factory, served.url, sticks=[stick]) as box:
        assert box.told(repository.assign(model)).current == model.digest


def test_an_old_stick_ends_nothing_while_the_network_is_away(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle, stick: Usb
) -> None:
    copied(repository, stick)
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    clock = HandClock()
    with a_box(tmp_path / "data", repository, factory, served.url, clock=clock) as box:
        box.told(repository.assign(None))  # the box knows of the newer metadata
    away = Https("http://127.0.0.1:9", clock, timeout_s=1)
    raw = repository.assign(model)
    with a_box(tmp_path / "data", repository, factory, roads=[stick, away], clock=clock) as box:
        report = box.told(raw)
        assert (report.state, report.code) == ("offered", "E_FETCH")
    with a_box(tmp_path / "data", repository, factory, roads=[stick, Https(served.url, clock)], clock=clock) as box:
        assert box.told(raw).current == model.digest


def test_a_box_that_stops_lets_go_of_a_road_that_is_silent(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle
) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb", model=heavy(1, 2, 2)))
    repository.publish()
    served.silent |= {each.relative_to(repository.folder).as_posix() for each in repository.folder.rglob("*.vdb")}
    road = Https(served.url, HandClock(), timeout_s=60)
    with a_box(tmp_path / "data", repository, factory, roads=[road]) as box:
        object.__setattr__(box.parts, "hang_up", road.hang_up)
        worker = threading.Thread(target=box.updater.run, args=(lambda: None,))
        worker.start()
        box.updater.receive(repository.assign(model))
        while not box.reports or box.last.state != "downloading":
            threading.Event().wait(0.01)
        box.updater.close()
        worker.join(10)
        assert not worker.is_alive()
        assert (box.states[-1], box.current) == ("downloading", factory.digest)  # it is gone on with at the next start


@pytest.mark.parametrize("what", ["a link", "a folder", "a pipe"])
def test_on_a_stick_only_plain_files_inside_it_are_read(tmp_path: Path, repository: Repository, stick: Usb, what: str) -> None:
    copied(repository, stick)
    path = stick.folder / "metadata" / "timestamp.json"
    secret = path.rename(tmp_path / "secret.json")
    if what == "a link":
        path.symlink_to(secret)
    elif what == "a folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises((Missing, Refusal)):
        stick.metadata("timestamp.json", 1 << 20)
    with pytest.raises((Missing, Refusal)):
        stick.metadata("../secret.json", 1 << 20)


def test_a_file_on_a_stick_that_is_too_long_is_refused(repository: Repository, stick: Usb) -> None:
    copied(repository, stick)
    with pytest.raises(Refusal) as refused:
        stick.metadata("timestamp.json", 10)
    assert refused.value.code == "E_SIZE"


class Trainer:
    """Answers what is asked for out of a folder, on a thread of its own, as the trainer does over the broker."""

    def __init__(self, folder: Path, spoil: Callable[[bytes], bytes] = lambda data: data) -> None:
        self.folder, self.spoil, self.sent = folder, spoil, 0
        numbers = itertools.count(1)
        self.road = MqttChunks(self._asked, lambda: f"{next(numbers):016x}", 2.0)

    def _asked(self, ask: ChunkAsk) -> None:
        threading.Thread(target=self._answer, args=(ask,)).start()

    def _answer(self, ask: ChunkAsk) -> None:
        path = self.folder / ask.path
        if not path.is_file():
            self.road.receive(f"{ask.id}/missing", b"")
            return
        data = self.spoil(path.read_bytes()[ask.offset : ask.offset + ask.size])
        if not data:  # behind its end
            self.road.receive(f"{ask.id}/missing", b"")
            return
        self.sent += len(data)
        self.road.receive("ffffffffffffffff", data)  # nobody asked for that
        self.road.receive(ask.id, data)
        self.road.receive(ask.id, data)  # QoS 1: it may come twice


def test_over_the_broker_alone_a_model_comes_in_pieces(tmp_path: Path, repository: Repository, factory: StoredBundle) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb", model=heavy(1, 2, 2)))
    repository.publish()
    trainer = Trainer(repository.folder)
    with a_box(tmp_path / "data", repository, factory, roads=[trainer.road]) as box:
        assert box.told(repository.assign(model)).current == model.digest
    assert trainer.sent >= model.length
    assert not trainer.road._wanted
    assert not trainer.road._got


@pytest.mark.parametrize("size", [ASK_BYTES - 1, ASK_BYTES, ASK_BYTES + 1, 2 * ASK_BYTES])
def test_over_the_broker_a_file_ends_where_it_ends(repository: Repository, size: int) -> None:
    (repository.folder / "metadata" / "timestamp.json").write_bytes(bytes(size))
    trainer = Trainer(repository.folder)
    assert len(trainer.road.metadata("timestamp.json", 4 * ASK_BYTES)) == size
    with pytest.raises(Missing):
        trainer.road.metadata("7.root.json", 100)


def test_pieces_over_the_broker_are_judged_by_the_same_verifier(tmp_path: Path, repository: Repository, factory: StoredBundle) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    trainer = Trainer(repository.folder, spoil=lambda data: data.replace(b"a", b"b"))
    with a_box(tmp_path / "data", repository, factory, roads=[trainer.road]) as box:
        report = box.told(repository.assign(model))
        assert (report.state, report.current) == ("rejected", factory.digest)
        assert report.code in {"E_SIG", "E_HOSTILE"}


def test_without_an_answer_over_the_broker_the_box_waits(tmp_path: Path, repository: Repository, factory: StoredBundle) -> None:
    silent = MqttChunks(lambda _ask: None, lambda: "0" * 16, 0.0)
    with a_box(tmp_path / "data", repository, factory, roads=[silent]) as box:
        model = repository.release(bundle(tmp_path / "v2.vdb"))
        repository.publish()
        assert box.told(repository.assign(model)).code == "E_FETCH"
    assert not silent._wanted


def test_a_stick_that_cannot_even_be_looked_at_is_as_good_as_none(tmp_path: Path) -> None:
    """A share that went away, a broken disk: whatever the file system says of it."""
    broken = tmp_path / ("x" * 300)
    with pytest.raises(OSError, match="too long"):
        (broken / "metadata").is_dir()
    (tmp_path / "good" / "metadata").mkdir(parents=True)
    options = Options(trust=tmp_path, folders=(broken, tmp_path / "good", tmp_path / "none"))
    found = Roads(options, HandClock(), MqttChunks(lambda _: None, str, 1.0)).sticks()
    assert [each.folder for each in found] == [tmp_path / "good"]


def test_an_address_with_a_password_or_a_question_in_it_is_none() -> None:
    from contracts.errors import ConfigError

    for url in ("ftp://host/", "https://user:pw@host/", "https://host/?x", "host", "https://"):
        with pytest.raises(ConfigError, match="https://host"):
            Https(url, HandClock())


def test_a_box_that_stops_while_it_still_connects_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        road = Https(f"http://127.0.0.1:{silent.getsockname()[1]}", HandClock(), timeout_s=1)
        real = socket.create_connection
        monkeypatch.setattr(socket, "create_connection", lambda *given: (road.hang_up(), real(*given))[1])
        with pytest.raises(Refusal):
            road.metadata("timestamp.json", 100)
        with silent.accept()[0] as asked:
            assert asked.recv(100) == b""
