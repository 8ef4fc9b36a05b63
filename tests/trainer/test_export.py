"""The exported file answers as the network does, at any size, and carries nothing of this machine."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from contracts.errors import BundleError
from trainer.export import _same_boxes, check_same, to_onnx
from trainer.intake import read_onnx
from trainer.network import Answer, Network
from vision.engines.onnx import OnnxEngine


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(4)
    network = Network(2)
    with torch.no_grad():  # answers of very different confidence, as a trained one gives
        network.centre[1].weight.mul_(30)
    return network.eval()


@pytest.fixture(scope="module")
def exported(network: Network) -> bytes:
    return to_onnx(network, (96, 128))


@pytest.mark.parametrize("size", [(96, 128), (160, 96), (256, 320)])
def test_the_file_answers_as_the_network_does(network: Network, exported: bytes, size: tuple[int, int]) -> None:
    picture = np.random.default_rng(5).integers(0, 256, (1, *size, 3)).astype(np.uint8)
    with torch.no_grad():
        wanted = Answer(network)(torch.from_numpy(picture)).numpy()
    got = OnnxEngine(exported).run(picture)[0]
    assert got.shape == wanted.shape == (1, 100, 6)
    assert np.abs(got[..., 4] - wanted[..., 4]).max() < 1e-4
    for row in got[0, :20]:  # equal scores may change places
        alike = wanted[0][np.abs(wanted[0, :, 4] - row[4]) < 2e-4]
        assert np.abs(alike - row).max(axis=1).min() < 0.02


def test_a_file_of_another_network_is_refused(network: Network, exported: bytes) -> None:
    torch.manual_seed(5)
    with pytest.raises(BundleError, match="answers otherwise"):
        check_same(Answer(Network(2).eval()), exported, (96, 128))


def rows(scores: list[float], x: float = 0.0) -> np.ndarray:
    """Boxes beside one another, each with its score."""
    return np.array([[x + 10 * n, 0, x + 10 * n + 8, 20, score, 0] for n, score in enumerate(scores)], np.float32)


def test_places_without_a_thing_that_fill_up_the_answer_are_not_compared() -> None:
    """Ninety-nine peaks and one place of many where nothing is: which of them comes is chance."""
    wanted, other = rows([0.9, 0.4, 0.0]), rows([0.9, 0.4, 0.0])
    other[2, :4] += 300
    assert _same_boxes(other, wanted)


def test_equal_scores_may_change_places_and_a_box_elsewhere_is_noticed() -> None:
    wanted = rows([0.9, 0.5, 0.5, 0.1])
    assert _same_boxes(wanted[[0, 2, 1, 3]], wanted)
    for at, what in ((0, 0), (1, 2), (2, 3)):
        moved = wanted.copy()
        moved[at, what] += 0.2
        assert not _same_boxes(moved, wanted)
    renamed = wanted.copy()
    renamed[0, 5] = 1
    assert not _same_boxes(renamed, wanted)


def test_the_file_takes_bytes_of_any_size_and_is_plain_onnx(exported: bytes) -> None:
    model = read_onnx(exported)
    image = model.graph.input[0]
    assert image.name == "image"
    assert image.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [d.dim_param or d.dim_value for d in image.type.tensor_type.shape.dim] == [1, "height", "width", 3]
    assert len(exported) < 3_000_000


def test_no_path_of_this_machine_is_in_the_file(exported: bytes) -> None:
    assert b"site-packages" not in exported
    assert b".py" not in exported
