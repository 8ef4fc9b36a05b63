"""`building` is said where an engine is built, and only there; the GPU of the processes is a fake true to its order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.update import Mode, UpdateState
from device.update.boots import Boots
from device.update.building import Building
from device.update.proof import Proof
from device.update.proof_options import ProofOptions
from device.update.prover import Told, Verdict
from device.update.selftest import SelfTest
from tests.device.update.box import HandClock, S, a_box, bundle
from tests.device.update.repository import Repository
from tests.device.update.server import Files
from tests.vision.engines.fakes import lay
from vision.bundle import StoredBundle
from vision.tryout import Limits


def proof(engine: str, folder: Path) -> Proof:
    options, work = ProofOptions(looks=8, growth_mb=500, p95_ms=5000, build_s=60), folder / "engines"
    test = SelfTest(engine, Limits(60, 2048), work, options, lambda: None)
    return Proof(Building(engine, work, options), test, Boots(folder), options, None)


@dataclass
class Passing:
    """Its prover's every word takes three seconds."""

    proof: Proof
    clock: HandClock

    def prove(self, bundle: StoredBundle, told: Told, mode: Mode = "live") -> Verdict:
        def slowly(state: UpdateState, percent: float | None = None, words: str = "", left_s: float | None = None) -> None:
            self.clock.mono += 3 * S
            told(state, percent, words, left_s)

        return self.proof.prove(bundle, slowly, mode)


@pytest.fixture
def gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(lay(tmp_path / "modules"))
    return tmp_path / "modules"


def test_an_engine_is_built_before_its_self_test_and_the_box_says_how_far_it_is(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle, gpu: Path
) -> None:
    model = repository.release(bundle(tmp_path / "new.vdb"))
    repository.publish()
    clock = HandClock()
    prover = Passing(proof("tensorrt", tmp_path / "data"), clock)
    with a_box(tmp_path / "data", repository, factory, served.url, prover=prover, clock=clock) as box:
        report = box.told(repository.assign(model))
        assert (report.state, report.code, report.current) == ("committed", None, model.digest), report.words
        assert box.states == ["offered", "downloading", "verified", "preflight", "building", "selftest", "committed"]
        building = [each for each in box.reports if each.state == "building"]
        assert building[1].words == "engine tensorrt is built for this box"
        assert building[1].left_s == 60
        assert building[-1].percent == 100
        known = [each.percent for each in building if each.percent is not None]
        assert known == sorted(known)
        assert (gpu / "pid").exists(), "in a process of its own"


def test_a_model_that_tensorrt_cannot_build_is_refused_and_the_old_one_serves(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle, gpu: Path
) -> None:
    (gpu / "die").touch()
    model = repository.release(bundle(tmp_path / "new.vdb"))
    repository.publish()
    with a_box(tmp_path / "data", repository, factory, served.url, prover=proof("tensorrt", tmp_path / "data")) as box:
        report = box.told(repository.assign(model))
        assert (report.state, report.code, report.current) == ("rejected", "E_BUILD", factory.digest)
        assert "killed by signal 6" in report.words
        assert box.states[-2:] == ["building", "rejected"]


def test_where_nothing_is_compiled_nothing_is_said(tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle) -> None:
    model = repository.release(bundle(tmp_path / "new.vdb"))
    repository.publish()
    with a_box(tmp_path / "data", repository, factory, served.url, prover=proof("onnx", tmp_path / "data")) as box:
        assert box.told(repository.assign(model)).state == "committed"
        assert "building" not in box.states
