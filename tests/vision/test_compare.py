"""Two engines on the same bundle, output by output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.errors import ConfigError
from tests.vision.bundles import png, scene, white_box_bundle
from vision.bundle import read_bundle
from vision.compare import compare
from vision.engines.onnx import OnnxEngine

MODELS = Path(__file__).resolve().parents[2] / "models"


def test_an_engine_agrees_with_itself_on_noise_and_golden_pictures(tmp_path: Path) -> None:
    golden = {"golden": [{"image": "golden/lit.png", "boxes": []}]}
    stored = white_box_bundle(tmp_path / "white", None, {"golden/lit.png": png(scene(96, 64, (20, 10, 50, 40)))}, **golden)
    seen = compare(stored, "onnx")
    assert [(each.output, each.largest, each.unequal) for each in seen.outputs] == [("boxes", 0.0, "")]
    assert seen.pictures == 4
    assert seen.outputs[0].range > 0


def test_the_default_model_without_the_graphs_rewriting_differs_in_the_last_digits_alone() -> None:
    seen = compare(read_bundle(MODELS / "person-street"), "onnx", {"graph_level": "disabled"})
    assert all(not each.unequal and each.relative < 0.001 for each in seen.outputs)
    assert seen.reference["graph_level"] != seen.engine["graph_level"]


class Off(OnnxEngine):
    """An engine whose answers are wrong."""

    wrong = staticmethod(lambda out: out + 1)

    def run(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        return [self.wrong(out) for out in super().run(tensor)]


WRONG = [
    (lambda out: out + 3, ""),
    (lambda out: out[..., :-1], "its shape differs"),
    (lambda out: out * np.nan, "numbers of one are none in the other"),
]


@pytest.mark.parametrize(("wrong", "words"), WRONG, ids=["off", "shape", "nan"])
def test_what_differs_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: Any, words: str) -> None:
    stored = white_box_bundle(tmp_path / "white")
    monkeypatch.setitem(__import__("vision.engines", fromlist=["ENGINES"]).ENGINES, "off", f"{__name__}:Off")
    monkeypatch.setattr(Off, "wrong", staticmethod(wrong))
    (found,) = compare(stored, "off").outputs
    assert found.unequal == words
    assert words or found.largest == 3


def test_an_engine_that_is_not_known_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not known"):
        compare(white_box_bundle(tmp_path / "white"), "quantum")
