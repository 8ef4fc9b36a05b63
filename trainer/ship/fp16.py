"""FP16: weights and convolutions as half floats for TensorRT; bytes in, float32 boxes out, and both ends of the graph in float32."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from contracts.bundle import Input
from contracts.errors import BundleError
from dataset.items import Item
from trainer.ship.ends import ends, named
from trainer.ship.half import LARGEST, halved
from trainer.ship.measuring import picture
from vision.prepare import Prepare

ROOM = 2.0  # how far below it every value must stay on the pictures that were looked at
LOOKED_AT = 16


def to_fp16(data: bytes) -> bytes:
    """BundleError: it could not be made."""
    model = named(onnx.load_model_from_string(data))
    made = halved(model, ends(model))
    if not any(each.data_type == TensorProto.FLOAT16 for each in made.graph.initializer):
        raise BundleError("FP16: no weight became a half float; the network has no convolutions, ship it as it is")
    return bytes(made.SerializeToString(deterministic=True))


def largest_value(data: bytes, spec: Input, items: Sequence[Item]) -> float:
    """The largest magnitude of any value inside, counted in float32: what would not fit a half float shows on the CPU too."""
    model = named(onnx.load_model_from_string(data))
    apart = ends(model)
    inner = [name for node in model.graph.node if node.name not in apart for name in node.output if node.op_type != "Constant"]
    watched = onnx.shape_inference.infer_shapes(model)
    kinds = {each.name: each.type.tensor_type.elem_type for each in watched.graph.value_info}
    names = [name for name in inner if kinds.get(name) == TensorProto.FLOAT]
    del model.graph.output[:]
    for number, name in enumerate(names):
        top = f"vedette.top.{number}"
        model.graph.node.extend(
            [
                helper.make_node("Abs", [name], [f"{top}.abs"], name=f"{top}.abs"),
                helper.make_node("ReduceMax", [f"{top}.abs"], [top], name=top, keepdims=0),
            ]
        )
        model.graph.output.append(helper.make_tensor_value_info(top, TensorProto.FLOAT, []))
    settings = ort.SessionOptions()
    settings.intra_op_num_threads, settings.log_severity_level = 1, 4
    session = ort.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    prepare = Prepare(spec)
    tops = [np.max(session.run(None, {spec.name: prepare(picture(item))[0]})) for item in items[:LOOKED_AT]]
    return float(np.max(tops)) if tops else 0.0


def check_range(largest: float) -> None:
    if not largest <= LARGEST / ROOM:
        raise BundleError(f"FP16: values inside reach {largest:.0f}, and a half float ends at {LARGEST:.0f}; ship float32 or INT8")
