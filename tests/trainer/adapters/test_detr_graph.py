"""DETR's outputs finished in the graph count as they do in numpy."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.bundle import Head
from contracts.errors import BundleError
from tests.trainer import models
from trainer.adapters.detr_graph import finished
from vision.engines.onnx import OnnxEngine
from vision.heads.head import open_head


def detr(seed: int, queries: int, wide: int) -> tuple[bytes, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    random = np.random.default_rng(seed)
    boxes = random.uniform(0.1, 0.9, (1, queries, 4)).astype(np.float32)
    logits = random.normal(0, 3, (1, queries, wide)).astype(np.float32)
    model = models.constant([boxes, logits])
    for node in model.graph.node:
        for place, name in enumerate(node.output):
            node.output[place] = {"output0": "dets", "output1": "labels"}.get(name, name)
    model.graph.output[0].name, model.graph.output[1].name = "dets", "labels"
    return model.SerializeToString(), boxes, logits


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 4), st.integers(0, 2))
def test_it_answers_what_its_own_program_would(seed: int, queries: int, classes: int, more: int) -> None:
    data, boxes, logits = detr(seed, queries, classes + more)
    made = finished(data, classes)
    got = OnnxEngine(made).run(np.zeros((1, 3, 64, 96), np.float32))[0][0]
    scores = 1 / (1 + np.exp(-logits[0, :, :classes].astype(np.float64)))
    order = np.argsort(-scores.reshape(-1), kind="stable")[:100]
    assert got.shape == (min(100, queries * classes), 6)
    np.testing.assert_allclose(got[:, 4], scores.reshape(-1)[order], atol=1e-5)
    for row in got:
        query, kind = np.argwhere(np.isclose(scores, row[4], atol=1e-5))[0]
        x, y, width, height = boxes[0, query]
        if np.isclose(scores, row[4], atol=1e-5).sum() == 1:
            assert kind == row[5]
            np.testing.assert_allclose(row[:4], [x - width / 2, y - height / 2, x + width / 2, y + height / 2], atol=1e-5)


def test_the_head_of_the_box_reads_it() -> None:
    data, _, _ = detr(3, 20, 3)
    out = OnnxEngine(finished(data, 2)).run(np.zeros((1, 3, 64, 96), np.float32))
    found = open_head(Head(kind="end2end", options={"units": "share"}), np.full(2, 0.5, np.float32), 0.6)(out, (64, 96))
    assert len(found) > 3
    assert set(found.class_id.tolist()) <= {0, 1}


def test_other_outputs_and_too_few_classes_are_named() -> None:
    with pytest.raises(BundleError, match="has outputs output0, not dets and labels"):
        finished(models.constant([models.end2end()]).SerializeToString(), 1)
    with pytest.raises(BundleError, match=r"output labels is \[1, 5, 2\] for 3 classes"):
        finished(detr(1, 5, 2)[0], 3)
    model = onnx.load_model_from_string(detr(1, 5, 2)[0])
    model.opset_import[0].version = 11
    with pytest.raises(BundleError, match=r"opset is below 13|does not hold together"):
        finished(model.SerializeToString(), 2)
