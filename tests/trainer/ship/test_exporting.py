"""A trained network as files: each held against it, what loses too much refused by name, and nothing of an earlier export left."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto
from torch import Tensor

from contracts.errors import BundleError, ConfigError, ProtocolError
from contracts.exported import Exported
from dataset.items import Item
from tests.trainer.ship import lessons
from trainer.intake import read_onnx
from trainer.network import Network
from trainer.ship.document import DOCUMENT, read_export
from trainer.ship.exporting import export_trained
from trainer.ship.lesson import Lesson
from trainer.ship.options import ShipOptions
from trainer.ship.steps import Stopped
from trainer.ship.trained import Trained


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def notes() -> lessons.Notes:
    return lessons.Notes()


@pytest.fixture(scope="module")
def exported(place: Path, pictures: Path, notes: lessons.Notes) -> Exported:
    return export_trained(lessons.trained(pictures), place, ["int8", "fp16", "onnx"], notes)


def test_each_form_answers_as_well_as_the_network(exported: Exported) -> None:
    assert [file.kind for file in exported.files] == ["onnx", "int8", "fp16"]
    assert exported.trained is not None
    assert exported.trained.ap is not None
    assert exported.trained.ap > 0.3  # it has really learnt
    for file in exported.files:
        assert file.state == "good", file.why
        assert file.ap_loss is not None
        assert file.ap_loss <= (0.01 if file.kind == "int8" else 0.002)
        assert file.figures.ap == pytest.approx(exported.trained.ap - file.ap_loss, abs=0.002)
        assert file.figures.answers > 24
        assert file.figures.cpu_ms is not None


def test_the_files_are_those_that_the_document_names(place: Path, exported: Exported) -> None:
    assert {each.name for each in place.iterdir()} == {DOCUMENT, "model.onnx", "model.int8.onnx", "model.fp16.onnx"}
    for file in exported.files:
        data = (place / file.path).read_bytes()
        assert (file.size, file.sha256) == (len(data), sha256(data).hexdigest())
        model = read_onnx(data)  # plain operators, weights inside
        assert [(each.domain, each.version) for each in model.opset_import] == [("", file.opset)]
        assert model.graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8
        assert model.graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
        assert b"site-packages" not in data
        assert b"network.py" not in data
    assert read_export(place) == exported


def test_the_smaller_forms_are_smaller_and_say_what_they_were_made_of(exported: Exported) -> None:
    whole, int8, fp16 = exported.files
    assert int8.size < whole.size / 2
    assert fp16.size < whole.size * 0.6
    assert int8.made_of == fp16.made_of == whole.sha256
    assert int8.details["calibration_pictures"] == 24
    assert int8.details["tensorrt"] == "takes it"


def test_progress_rises_to_the_end(exported: Exported, notes: lessons.Notes) -> None:
    shares = [done for done, _ in notes.said]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert any("int8" in said for _, said in notes.said)


def test_a_later_export_leaves_nothing_that_it_does_not_name(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "model.int8.onnx").write_bytes(b"of yesterday")
    made = export_trained(lessons.trained(pictures, 1, 4), tmp_path, ["onnx"])
    assert [file.kind for file in made.files] == ["onnx"]
    assert not (tmp_path / "model.int8.onnx").exists()


def test_who_stops_it_finds_what_was_there_before(tmp_path: Path, pictures: Path) -> None:
    with pytest.raises(Stopped, match="stopped during"):
        export_trained(lessons.trained(pictures), tmp_path, ["int8"], lessons.Notes(words=30))
    assert list(tmp_path.iterdir()) == []


class Twofaced(Network):
    """Answers otherwise in a file than in training, but only where it is sure: noise does not show it."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        centre, sides = super().forward(x)
        if torch.onnx.is_in_onnx_export():
            sides = torch.where(centre > 0, sides * 1.5, sides)
        return centre, sides


def test_a_file_that_is_not_the_network_is_refused_with_both_figures(tmp_path: Path, pictures: Path) -> None:
    network = Twofaced()
    network.load_state_dict(lessons.network().state_dict())
    trained = Trained(network.eval(), ("figure",), lessons.SIZE, lessons.lesson(pictures))
    with pytest.raises(BundleError, match=r"AP of the ONNX file is 0\.\d+, of the trained network 0\.\d+: they differ by 0\.\d+"):
        export_trained(trained, tmp_path, ["onnx"], options=ShipOptions(exporter="torchscript"))
    assert list(tmp_path.iterdir()) == []


def overgrown(times: float) -> Network:
    """The same answers, with one channel that is so many times larger inside than the others."""
    network = Network()
    network.load_state_dict(lessons.network().state_dict())
    norm = network.mix8[3]
    assert isinstance(norm, torch.nn.BatchNorm2d)
    with torch.no_grad():
        channel = int((norm.weight.abs() + norm.bias.abs()).argmax())
        norm.weight[channel] *= times
        norm.bias[channel] *= times
        for branch in (network.centre, network.side):
            branch[0][0].weight[channel] /= times  # type: ignore[index,operator]
    return network.eval()


def test_forms_that_lose_too_much_are_refused_each_with_its_reason(tmp_path: Path, pictures: Path) -> None:
    trained = Trained(overgrown(1e5), ("figure",), lessons.SIZE, lessons.lesson(pictures, 8, 8))
    made = export_trained(trained, tmp_path, ["int8", "fp16"])
    whole, int8, fp16 = made.files
    assert whole.state == "good"
    assert (int8.state, fp16.state) == ("refused", "refused")
    assert "int8 does not answer" in int8.why or "AP of int8 is" in int8.why
    assert "a half float ends at 65504" in fp16.why
    assert {each.name for each in tmp_path.iterdir()} == {DOCUMENT, "model.onnx"}


def test_ranges_come_from_the_training_part_alone(tmp_path: Path, exported: Exported, place: Path, pictures: Path) -> None:
    """The same file whatever the validation part is."""
    train = lessons.lesson(pictures).train
    val = tuple(lessons.item(tmp_path, 2000 + n, "val") for n in range(6))
    other = Trained(lessons.network(), ("figure",), lessons.SIZE, Lesson(lessons.CATEGORIES, train, val))
    again = export_trained(other, tmp_path / "run", ["int8"])
    assert again.files[1].sha256 == exported.files[1].sha256
    assert again.judged != exported.judged


@pytest.mark.parametrize(("kinds", "words"), [(["int4"], "is no form we make"), (["ONNX"], "choose of onnx, int8, fp16, tflite")])
def test_a_form_that_nobody_makes_is_named(tmp_path: Path, pictures: Path, kinds: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        export_trained(lessons.trained(pictures, 1, 2), tmp_path, kinds)


def test_without_anything_true_on_val_there_is_no_figure(tmp_path: Path, pictures: Path) -> None:
    bare = Item("a", "a.png", 128, 64, (), lessons.item(pictures, 1, "val").path, "val")
    with pytest.raises(ConfigError, match="nothing is labelled on the pictures for validation"):
        Lesson(lessons.CATEGORIES, (), (bare,))
    with pytest.raises(ConfigError, match="no picture for validation"):
        Lesson(lessons.CATEGORIES, (bare,), ())


def test_a_damaged_document_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing was exported"):
        read_export(tmp_path)
    (tmp_path / DOCUMENT).write_text('{"labels": []}')
    with pytest.raises(ProtocolError, match="is no export"):
        read_export(tmp_path)


def test_opsets_are_those_of_the_graph(place: Path, exported: Exported) -> None:
    assert exported.files[0].opset == onnx.load(place / "model.onnx").opset_import[0].version == 17
