"""The trained network as an ONNX file that takes any height and width of a multiple of 32, checked against itself."""

from __future__ import annotations

import io
import warnings

import numpy as np
import onnx
import torch

from contracts.errors import BundleError
from trainer.network import Answer, Network
from vision.engines.onnx import OnnxEngine

OPSET = 17
MULTIPLE = 32
INPUT, OUTPUT = "image", "boxes"
NEAR_PX, NEAR_SCORE = 0.05, 1e-3  # the graph may differ from the network by so much


def to_onnx(network: Network, size: tuple[int, int]) -> bytes:
    """`size` is only what the graph is traced with."""
    answer = Answer(network).eval()
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # the exporter warns about itself; what it made is checked below
        warnings.simplefilter("ignore")
        torch.onnx.export(
            answer,
            (torch.zeros(1, *size, 3, dtype=torch.uint8),),
            buffer,  # type: ignore[arg-type]  # the legacy exporter writes to any stream
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {1: "height", 2: "width"}},
        )
    model = onnx.load_model_from_string(buffer.getvalue())
    for node in model.graph.node:
        node.doc_string = ""
    data = bytes(model.SerializeToString())
    for other in (size, (size[0] + MULTIPLE, size[1] + 2 * MULTIPLE)):
        check_same(answer, data, other)
    return data


def check_same(answer: Answer, data: bytes, size: tuple[int, int]) -> None:
    """BundleError when the file answers otherwise than the network on a picture of noise."""
    picture = np.random.default_rng(1).integers(0, 256, (1, *size, 3)).astype(np.uint8)
    with torch.no_grad():
        wanted = answer(torch.from_numpy(picture))[0].numpy()
    engine = OnnxEngine(data)
    got = engine.run(picture)[0][0]
    engine.close()
    if got.shape != wanted.shape or np.abs(got[:, 4] - wanted[:, 4]).max() > NEAR_SCORE:
        raise BundleError(f"export: the file answers otherwise than the network at {size[1]}x{size[0]}; use another version of PyTorch")
    clear = np.abs(np.diff(wanted[:, 4], prepend=np.inf)) > 10 * NEAR_SCORE  # equal scores may change places
    clear &= np.abs(np.diff(wanted[:, 4], append=-np.inf)) > 10 * NEAR_SCORE
    if clear.any() and np.abs(got[clear, :4] - wanted[clear, :4]).max() > NEAR_PX:
        raise BundleError(f"export: the file's boxes differ from the network's at {size[1]}x{size[0]}; use another version of PyTorch")
