"""What may be released, and that a box takes exactly that: the box's own parts over a real server."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.errors import ConfigError
from device.update.usb import Usb
from tests.device.update.box import HandClock, a_box, bundle, golden_prover
from tests.device.update.server import serving
from tests.trainer.push.test_ceremony import Client
from tests.trainer.push.yards import ADA, TARGETS_WORDS, Yard, believed, entered, released
from tests.trainer.registry.works import draft, verdict, write_verdict
from trainer.push.ceremony import rotate
from trainer.push.keys import targets_key
from trainer.push.releasing import release
from trainer.registry.registry import Registry
from trainer.store.database import Database


@pytest.fixture
def registry(yard: Yard) -> Iterator[Registry]:
    believed(yard.home)
    database = Database(yard.home.store)
    yield Registry(database, yard.home)
    database.close()


def go(yard: Yard, registry: Registry, digest: str) -> object:
    return release(yard.repository, registry, digest, targets_key(yard.place, TARGETS_WORDS))


def test_a_box_takes_what_is_released_and_assigned_and_signs_what_it_accepted(yard: Yard, tmp_path: Path) -> None:
    model = released(yard)
    factory = bundle(tmp_path / "factory", "1.0.0")
    with serving(yard.folder) as server, a_box(tmp_path / "box", yard, factory, server.url, prover=golden_prover()) as box:
        report = box.told(yard.assign(model, 1))
        assert (report.state, report.code) == ("committed", None), report.words
        assert box.current == model.digest
        assert report.receipt is not None
        again = box.told(yard.assign(None, 2))
        assert again.code is None
        assert box.current == model.digest


def test_a_box_takes_the_next_after_all_keys_were_exchanged(yard: Yard, tmp_path: Path) -> None:
    first = released(yard)
    factory = bundle(tmp_path / "factory", "1.0.0")
    with serving(yard.folder) as server, a_box(tmp_path / "box", yard, factory, server.url, prover=golden_prover()) as box:
        assert box.told(yard.assign(first, 1)).state == "committed"
        for role in ("root", "targets", "online", "assignment"):
            rotate(yard.home, yard.clock, role, yard.brought)
        second = released(yard, "2.1.0", 1)
        report = box.told(yard.assign(second, 2))
        assert (report.state, report.code) == ("committed", None), report.words
        assert box.current == second.digest


def test_a_withdrawn_release_is_begun_by_no_box(yard: Yard, tmp_path: Path) -> None:
    model = released(yard)
    yard.repository.withdraw(model.target, targets_key(yard.place, TARGETS_WORDS))
    with serving(yard.folder) as server, a_box(tmp_path / "box", yard, bundle(tmp_path / "factory", "1.0.0"), server.url) as box:
        assert box.told(yard.assign(model, 1)).code == "E_SIG"
    with pytest.raises(ConfigError, match="is not released"):
        yard.repository.withdraw(model.target, targets_key(yard.place, TARGETS_WORDS))


def test_a_box_with_another_tensorrt_does_not_even_fetch_it(yard: Yard, registry: Registry, tmp_path: Path) -> None:
    key = targets_key(yard.place, TARGETS_WORDS)
    digest = entered(yard, registry, "2.0.0")
    with pytest.raises(ConfigError, match="give the least version and the first one that is too new"):
        release(yard.repository, registry, digest, key, tensorrt=("10.3", "newest"))
    model = release(yard.repository, registry, digest, key, tensorrt=("10.3", "11.0"))
    with pytest.raises(ConfigError, match=f"was released already, and not for these; `vedette-trainer push withdraw {model.target}`"):
        release(yard.repository, registry, digest, key, tensorrt=("10.7", "11.0"))
    factory = bundle(tmp_path / "factory", "1.0.0")
    boxes = {"10.2.9": "E_TRT", "11.0": "E_TRT", "10.16.1.11": None, None: None}
    for number, (tensorrt, code) in enumerate(boxes.items()):
        fits = {"engine": "tensorrt" if tensorrt else "onnx", "tensorrt": tensorrt}
        with serving(yard.folder) as files, a_box(tmp_path / str(number), yard, factory, files.url, fits=fits) as box:
            report = box.told(yard.assign(model, 1))
            assert (report.code, box.current == model.digest) == (code, code is None), (tensorrt, report.words)
            assert code is None or (report.state == "rejected" and files.sent_below("targets/") == 0)


def test_the_repository_on_a_stick_is_enough(yard: Yard, tmp_path: Path) -> None:
    model = released(yard)
    (yard.place.desired / "edge01.json").write_bytes(yard.assign(model, 1))
    sticks = [Usb(yard.folder)]
    with a_box(tmp_path / "box", yard, bundle(tmp_path / "factory", "1.0.0"), sticks=sticks, clock=HandClock()) as box:
        assert box.go().state == "committed"
        assert box.current == model.digest


def test_a_bundle_that_nobody_signed_is_not_released(yard: Yard, registry: Registry) -> None:
    with pytest.raises(ConfigError, match="nobody signed it"):
        go(yard, registry, entered(yard, registry, "1.0.0", sign=False))
    assert yard.repository.released() == {}


def test_a_draft_is_not_released(yard: Yard, registry: Registry) -> None:
    digest = registry.add(draft(yard.home, "white-box"), "Ada").digest
    with pytest.raises(ConfigError, match="is a draft"):
        go(yard, registry, digest)


def test_a_model_that_failed_later_or_was_retired_is_not_released(yard: Yard, registry: Registry) -> None:
    digest = entered(yard, registry, "1.0.0")
    registry.judge(digest, write_verdict(yard.home.path / "later.json", verdict(digest, "fail")), "Ada")
    with pytest.raises(ConfigError, match="newest verdict is fail"):
        go(yard, registry, digest)
    registry.retire(digest, "Ada", "blind at night")
    with pytest.raises(ConfigError, match="was retired"):
        go(yard, registry, digest)


def test_releasing_twice_is_releasing_once(yard: Yard, registry: Registry) -> None:
    digest = entered(yard, registry, "1.0.0")
    assert go(yard, registry, digest) == go(yard, registry, digest)
    assert len(yard.repository.released()) == 1
    assert yard.repository.targets().signed.version == 2


def test_a_wrong_release_key_publishes_nothing(yard: Yard, registry: Registry) -> None:
    digest = entered(yard, registry, "1.0.0")
    before = {path.name for path in yard.place.metadata.iterdir()}
    with pytest.raises(ConfigError, match="its key is none of those that root names"):
        release(yard.repository, registry, digest, ADA)
    assert {path.name for path in yard.place.metadata.iterdir()} == before


@pytest.mark.parametrize("at", range(1, 5))
def test_killed_while_publishing_what_is_served_is_whole_and_the_next_attempt_succeeds(yard: Yard, registry: Registry, at: int) -> None:
    """A process that dies at each rename in turn: of the bundle, of targets, snapshot and timestamp."""
    digest = entered(yard, registry, "1.0.0")
    process = multiprocessing.get_context("spawn").Process(target=_releases, args=(yard, digest, at))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    Client(yard).refresh()
    assert yard.repository.released() == {}
    model = go(yard, registry, digest)
    assert list(yard.repository.released().values()) == [model]
    Client(yard).refresh()


def _releases(yard: Yard, digest: str, at: int) -> None:
    """Dies before the rename of that number."""
    registry, left, replace = Registry(Database(yard.home.store), yard.home), [at], Path.replace

    def replace_or_die(self: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)

    Path.replace = replace_or_die  # type: ignore[method-assign, assignment]
    go(yard, registry, digest)


def test_two_versions_of_one_name_stand_beside_each_other_and_one_version_is_one_bundle(yard: Yard, registry: Registry) -> None:
    first = entered(yard, registry, "1.0.0")
    second = entered(yard, registry, "1.1.0", number=1)
    go(yard, registry, first)
    go(yard, registry, second)
    assert sorted(model.version for model in yard.repository.released().values()) == ["1.0.0", "1.1.0"]
