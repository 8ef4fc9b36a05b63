"""Where weights come from: a run, a bundle out of its ONNX graph, published weights; and that they are what they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from contracts.bundle import Head
from contracts.errors import ConfigError, HardwareError
from tests.trainer.pictures import rendered
from tests.trainer.train import worlds
from tests.trainer.train.worlds import config
from trainer.export import to_onnx
from trainer.home import Home
from trainer.jobs.told import Silent
from trainer.judge.asking import ask
from trainer.network import Network
from trainer.train.config import Model
from trainer.train.detector import train_detector
from trainer.train.family import FAMILY, build
from trainer.train.material import gather
from trainer.train.parent import begin, measure_norms, parent_path, state_digest
from trainer.train.run_folder import open_run
from trainer.train.score import answers, input_of
from trainer.train.validating import validate
from trainer.train.weights import About, digest_of, read_network, write_network
from vision.bundle import StoredBundle
from vision.bundle_write import write_bundle

ROOT = Path(__file__).resolve().parents[3]
STREET = ROOT / "models" / "person-street"


def lively(architecture: str, classes: int) -> Network:
    """Weights and statistics as after training: nothing is still at its first value."""
    torch.manual_seed(5)
    network = build(architecture, classes).train()
    for _ in range(3):
        network(torch.rand(2, 3, 96, 128) * 255)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    return network.eval()


def bundled(path: Path, network: Network, about: About) -> StoredBundle:
    fields = {
        "name": "mine", "version": "1.0.0", "labels": list(about.classes), "input": input_of(about), "head": Head(kind="end2end"),
        "needs": {"opset": 17}, "license": "Apache-2.0", "source": "a test",
    }  # fmt: skip
    return write_bundle(path, fields, {"model.onnx": to_onnx(network, about.size), "CARD.md": b"a test"})


def seen(network: Network, seed: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    image = torch.from_numpy(rendered(seed, 96).image.copy()).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        centre, sides = network.eval()(image)
    return centre, sides


@pytest.mark.parametrize("architecture", FAMILY)
def test_each_size_is_learnt_exported_and_begun_from_again(tmp_path: Path, architecture: str) -> None:
    network = lively(architecture, 3)
    labels = ("a", "b", "c")
    stored = bundled(tmp_path / "bundle", network, About(architecture, labels, (96, 128)))
    child = build(architecture, 3)
    beginning = begin(child, Model(architecture=architecture, parent=str(stored.path)), labels, Home(tmp_path / "home"))
    assert (beginning.digest, beginning.folded) == (stored.digest, True)
    for a, b in zip(seen(network), seen(child), strict=True):
        assert torch.allclose(a, b, atol=1e-3)
    images = [torch.rand(4, 3, 96, 128) * 255 for _ in range(3)]
    measure_norms(child, images)
    for a, b in zip(seen(network), seen(child), strict=True):
        assert torch.allclose(a, b, atol=1e-3)
    child.train()
    with torch.no_grad():
        learning = child(images[0])[0]
        child.eval()
        assert (learning - child(images[0])[0]).abs().mean() < 0.3  # as a network that learnt with its norms, not one that lost them


def test_the_default_model_can_be_a_parent_and_keeps_what_it_knows(tmp_path: Path) -> None:
    network = build("medium", 2)
    begin(network, Model(architecture="medium", parent=str(STREET)), ("dog", "person"), Home(tmp_path / "home"))
    alone = build("medium", 1)
    begin(alone, Model(architecture="medium", parent=str(STREET)), ("person",), Home(tmp_path / "home"))
    two, one = seen(network)[0], seen(alone)[0]
    assert torch.allclose(two[:, 1:], one, atol=1e-5)
    assert not torch.allclose(two[:, :1], one, atol=0.1)


def test_a_bundle_is_found_by_its_digest_however_it_is_written(home: Home) -> None:
    digest = "5" * 64
    (home.bundles / f"{digest}.zip").touch()
    assert parent_path(digest, home) == parent_path(f"sha256:{digest}", home) == home.bundles / f"{digest}.zip"
    with pytest.raises(ConfigError, match="neither a run nor a bundle"):
        parent_path(f"sha256:{'6' * 64}", home)


def test_a_parent_of_another_size_is_refused_with_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is medium; write model\.architecture: medium"):
        begin(build("small", 1), Model(architecture="small", parent=str(STREET)), ("person",), Home(tmp_path / "home"))
    with pytest.raises(ConfigError, match="neither a run nor a bundle"):
        begin(build("small", 1), Model(parent="gone"), ("person",), Home(tmp_path / "home"))


def test_a_run_begins_from_another_run_and_says_which(shapes: Home) -> None:
    first = train_detector(config(), shapes, Silent())
    second = train_detector(config(model={"parent": first.id}, training={"epochs": 1}), shapes, Silent())
    assert second.parent == digest_of(open_run(shapes, first.id).best) == first.weights_sha256
    backbone = train_detector(config(model={"parent": first.id, "take": "backbone"}, training={"epochs": 1}), shapes, Silent())
    assert backbone.parent == second.parent


def test_a_bundle_as_parent_learns_on(shapes: Home, tmp_path: Path) -> None:
    run = train_detector(config(), shapes, Silent())
    network, about = read_network(open_run(shapes, run.id).best)
    stored = bundled(tmp_path / "bundle", network, about)
    child = train_detector(config(model={"parent": str(stored.path)}), shapes, Silent())
    assert child.parent == stored.digest
    assert open_run(shapes, child.id).lines()[0].loss["total"] is not None


def test_published_weights_of_the_backbone_are_taken_from_safetensors_only(tmp_path: Path, home: Home) -> None:
    source = build("medium", 1).backbone
    torch.nn.init.uniform_(source.features[0][1].running_mean)  # type: ignore[index,arg-type]
    path = tmp_path / "mobilenet.safetensors"
    safetensors.torch.save_file({**source.state_dict(), "features.17.conv.0.weight": torch.zeros(1)}, str(path))
    network = build("medium", 2)
    beginning = begin(network, Model(architecture="medium", backbone=str(path)), ("a", "b"), home)
    assert beginning.digest == digest_of(path)
    assert network.backbone.published
    assert all(torch.equal(value, network.backbone.state_dict()[name]) for name, value in source.state_dict().items())
    with pytest.raises(ConfigError, match="published MobileNetV2 weights fit architecture medium"):
        begin(build("small", 2), Model(backbone=str(path)), ("a", "b"), home)
    with pytest.raises(ConfigError, match="only safetensors are read"):
        begin(network, Model(architecture="medium", backbone=str(tmp_path / "weights.pt")), ("a", "b"), home)


def test_frozen_blocks_keep_their_weights(shapes: Home) -> None:
    first = train_detector(config(), shapes, Silent())
    second = train_detector(config(model={"parent": first.id, "frozen": 3}, training={"decay": 0.5}), shapes, Silent())
    before, after = (read_network(open_run(shapes, run.id).best)[0].state_dict() for run in (first, second))
    same = {name for name, value in before.items() if torch.equal(value, after[name])}
    frozen = {name for name in before if name.startswith(tuple(f"backbone.features.{number}." for number in range(3)))}
    assert len(frozen) > 30
    assert frozen <= same  # the statistics of their norms too, else nothing that is exported would be the same bytes
    assert not any(name.startswith(("backbone.features.5", "centre")) for name in same)


def test_weights_come_back_as_they_were_and_strangers_are_refused(tmp_path: Path) -> None:
    network, about = lively("small", 2), About("small", ("a", "b"), (96, 128))
    digest = write_network(tmp_path / "w.safetensors", network, about, {"epoch": 3})
    again, said = read_network(tmp_path / "w.safetensors")
    assert said == about
    assert digest == digest_of(tmp_path / "w.safetensors")
    assert state_digest(again) == state_digest(network)
    safetensors.torch.save_file({"a": torch.zeros(1)}, str(tmp_path / "other.safetensors"))
    with pytest.raises(ConfigError, match="does not say what it is the weights of"):
        read_network(tmp_path / "other.safetensors")
    with pytest.raises(ConfigError, match="are not those of medium"):
        write_network(tmp_path / "wrong.safetensors", network, About("medium", ("a", "b"), (96, 128)), {})
        read_network(tmp_path / "wrong.safetensors")


def test_the_network_says_of_val_what_its_bundle_says_on_a_box(shapes: Home, tmp_path: Path) -> None:
    run = train_detector(config(training={"epochs": 1, "steps": 6}), shapes, Silent())
    network, about = read_network(open_run(shapes, run.id).best)
    material = gather(config().data, shapes)
    stored = bundled(tmp_path / "bundle", network, about)
    said, box = answers(network, about, material.val_items), ask(stored.path, material.val_items)
    for name, found in said.items():
        rows = np.array(box.pictures[name]).reshape(-1, 6)
        top = min(len(rows), len(found.boxes), 5)
        assert np.allclose(np.sort(rows[:, 4])[::-1][:top], np.sort(found.confidence)[::-1][:top], atol=1e-3)
    ours, theirs = validate(run.id, None, shapes, Silent()), validate(str(stored.path), config(), shapes, Silent())
    assert ours.root == theirs.root
    assert ours.coco["ap50"] == pytest.approx(theirs.coco["ap50"], abs=0.01)
    with pytest.raises(ConfigError, match="give --config FILE"):
        validate(str(stored.path), None, shapes, Silent())


def test_an_input_whose_narrowest_shape_has_too_few_places_is_of_one_size() -> None:
    assert input_of(About("small", ("a",), (96, 128))).multiple is None
    assert input_of(About("small", ("a",), (384, 512))).multiple == 32


def test_a_picture_that_is_not_there_cannot_be_judged(shapes: Home) -> None:
    material = gather(config().data, shapes)
    item = material.val_items[0]
    network = build("small", 2).eval()
    lost = worlds.without_picture(item)
    with pytest.raises(HardwareError, match="its file is not in the data set"):
        answers(network, About("small", material.classes, (96, 128)), [lost])


def test_a_file_that_names_more_classes_than_it_has_weights_of_is_refused_before_a_network_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a few bytes a name it would make a layer of gigabytes."""
    path = tmp_path / "best.safetensors"
    write_network(path, build("small", 2), About("small", ("",) * 1_000_000, (64, 96)), {})
    monkeypatch.setattr("trainer.train.weights.build", lambda *_: pytest.fail("a network was made"))
    with pytest.raises(ConfigError, match="another number of classes than the 1000000 it names"):
        read_network(path)
