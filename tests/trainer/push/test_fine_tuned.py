"""A model that our trainer made of another with a backbone that stays: what of it a box that has the other must fetch."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from contracts.bundle import Head
from tests.device.update.box import a_box
from tests.device.update.repository import Repository
from tests.device.update.server import serving
from tests.trainer.train import worlds
from tests.trainer.train.conftest import one_thread
from trainer.backbone import STAGES
from trainer.export import to_onnx
from trainer.home import Home
from trainer.jobs.told import Silent
from trainer.train.detector import train_detector
from trainer.train.run_folder import open_run
from trainer.train.score import input_of
from trainer.train.weights import read_network
from vision.bundle import StoredBundle
from vision.bundle_write import write_bundle

__all__ = ["one_thread"]
BLOCKS = 1 + sum(stage[2] for stage in STAGES)


def trained(home: Home, path: Path, version: str, architecture: str, **model: object) -> tuple[str, StoredBundle]:
    """The run, and its bundle."""
    run = train_detector(worlds.config(model={"architecture": architecture, **model}), home, Silent()).id
    network, about = read_network(open_run(home, run).path / "best.safetensors")
    fields = {
        "name": "shapes", "version": version, "labels": list(about.classes), "input": input_of(about), "head": Head(kind="end2end"),
        "needs": {"opset": 17}, "license": "Apache-2.0", "source": "a test",
    }  # fmt: skip
    return run, write_bundle(path, fields, {"model.onnx": to_onnx(network, about.size), "CARD.md": f"# {version}".encode()})


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("architecture", ["medium", "large"])
def test_a_box_fetches_a_fifth_at_most_of_what_was_learnt_behind_the_same_backbone(
    tmp_path: Path, architecture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path / "home")
    worlds.make_set(home)
    worlds.make_split(home)
    run, first = trained(home, tmp_path / "v1", "1.0.0", architecture)  # a folder, as a bundle comes with the software
    _, second = trained(home, tmp_path / "v2.vdb", "2.0.0", architecture, parent=run, frozen=BLOCKS)
    repository = Repository(tmp_path / "repository")
    model = repository.release(second)
    repository.publish()
    fits = {"name": "shapes", "labels": tuple(first.manifest.labels)}
    with serving(repository.folder) as files, a_box(tmp_path / "data", repository, first, files.url, fits=fits) as box:
        assert box.told(repository.assign(model)).current == model.digest
        share = files.sent_below("targets/") / model.length
    with capsys.disabled():
        sys.stdout.write(f"\n{architecture}: {share:.1%} of {model.length} bytes fetched\n")
    assert 0.02 < share <= 0.2
