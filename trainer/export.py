"""The trained network as an ONNX file that takes any height and width of a multiple of 32, checked against itself."""

from __future__ import annotations

import io
import warnings

import numpy as np
import numpy.typing as npt
import onnx
import torch

from contracts.errors import BundleError
from trainer.network import Answer, Network
from vision.engines.onnx import OnnxEngine

OPSET = 17
MULTIPLE = 32
INPUT, OUTPUT = "image", "boxes"
NEAR_PX, NEAR_SCORE, NEAR_SHARE = 0.05, 1e-3, 1e-4  # the graph may differ from the network by so much; the last: of a box's longer side
Floats = npt.NDArray[np.float32]


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
    if not _same_boxes(got, wanted):
        raise BundleError(f"export: the file's boxes differ from the network's at {size[1]}x{size[0]}; use another version of PyTorch")


def _same_boxes(got: Floats, wanted: Floats) -> bool:
    """In any order: equal scores may change places. What scores as the last does is left out, its like may be beyond the last."""
    for row in wanted[wanted[:, 4] > wanted[-1, 4] + 2 * NEAR_SCORE]:
        alike = got[(np.abs(got[:, 4] - row[4]) <= NEAR_SCORE) & (got[:, 5] == row[5])]
        allowed = NEAR_PX + NEAR_SHARE * max(row[2] - row[0], row[3] - row[1])
        if not len(alike) or np.abs(alike[:, :4] - row[:4]).max(axis=1).min() > allowed:
            return False
    return True
