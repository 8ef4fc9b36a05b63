"""What a model most likely is: its input, its head and its labels, read from its shapes and from one run."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from contracts.bundle import Head, Input
from contracts.errors import BundleError, ConfigError
from vision.engines.onnx import OnnxEngine
from vision.heads.ssd import SsdOptions, anchors

SQUARE = (640, 640)  # height, width of models that leave their size open
MULTIPLE = 32
FEW = 1000  # a network that ranks its own boxes answers with fewer
IMAGE_DIMS = 4
TYPES = {"uint8", "float32", "float16"}


@dataclass(frozen=True)
class Wishes:
    """What the owner said; None: find out."""

    labels: tuple[str, ...] | None = None
    size: tuple[int, int] | None = None
    color: Literal["rgb", "bgr"] = "rgb"
    fit: Literal["letterbox", "stretch"] = "letterbox"
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Proposal:
    input: Input
    head: Head
    labels: tuple[str, ...]
    outputs: tuple[tuple[int, ...], ...]
    notes: tuple[str, ...]


def propose(model: onnx.ModelProto, wishes: Wishes) -> Proposal:
    """BundleError: no layout we know fits."""
    engine = OnnxEngine(model.SerializeToString())
    try:
        spec, notes = _input(engine, wishes)
        outputs = engine.run(_noise(spec))
    finally:
        engine.close()
    shapes = tuple(tuple(out.shape) for out in outputs)
    known = wishes.labels or _names(model)
    head, count = _head(outputs, known, spec.size)
    labels = known or tuple(f"class{i}" for i in range(count))
    if known is None:
        notes = (*notes, f"the model does not say what its {count} classes are; give --labels FILE with one name a line")
    if len(labels) != count:
        raise ConfigError(f"labels: {len(labels)} names for {count} classes of the model; correct the file given by --labels")
    return Proposal(spec, head, labels, shapes, notes)


def _input(engine: OnnxEngine, wishes: Wishes) -> tuple[Input, tuple[str, ...]]:
    tensor = engine.inputs[0]
    if len(tensor.shape) != IMAGE_DIMS or tensor.dtype not in TYPES:
        what = f"{tensor.name} is {tensor.shape} of {tensor.dtype}"
        raise BundleError(f"model: input {what}, not a picture; give a detector with one image input")
    layout: Literal["nhwc", "nchw"] = "nchw" if tensor.shape[1] == 3 else "nhwc"
    if tensor.shape[1 if layout == "nchw" else 3] != 3:
        raise BundleError(f"model: input {tensor.name} is {tensor.shape}, which has no 3 colours; give a detector of colour pictures")
    height, width = tensor.shape[2:] if layout == "nchw" else tensor.shape[1:3]
    size = (height or (wishes.size or SQUARE)[0], width or (wishes.size or SQUARE)[1])
    if wishes.size is not None and size != wishes.size:
        raise ConfigError(f"size: the model takes {width}x{height} pixels only, not {wishes.size[1]}x{wishes.size[0]}; leave --size out")
    free = height is None and width is None
    plain = tensor.dtype == "uint8"
    notes = () if plain or wishes.std else ("values are divided by 255, as most detectors want; say --mean and --std if yours does not",)
    spec = Input(
        name=tensor.name,
        dtype=tensor.dtype,
        layout=layout,
        color=wishes.color,
        size=size,
        multiple=MULTIPLE if free else None,
        fit=wishes.fit,
        mean=wishes.mean or (0.0, 0.0, 0.0),
        std=wishes.std or ((1.0, 1.0, 1.0) if plain else (255.0, 255.0, 255.0)),
    )
    return spec, notes


def _noise(spec: Input) -> NDArray[Any]:
    """A picture of coloured noise: some boxes come out of it, which show their units."""
    height, width = spec.size
    shape = (1, 3, height, width) if spec.layout == "nchw" else (1, height, width, 3)
    values = np.random.default_rng(0).integers(0, 256, shape)
    if spec.dtype == "uint8":
        return values.astype(np.uint8)
    colours = (1, 3, 1, 1) if spec.layout == "nchw" else (1, 1, 1, 3)
    scaled = (values - np.reshape(spec.mean, colours)) / np.reshape(spec.std, colours)
    return np.asarray(scaled, np.float16 if spec.dtype == "float16" else np.float32)


def _names(model: onnx.ModelProto) -> tuple[str, ...] | None:
    """Some exporters write the classes into the file, as {0: 'person', 1: 'car'}."""
    said = {entry.key: entry.value for entry in model.metadata_props}.get("names")
    if said is None:
        return None
    try:
        names = ast.literal_eval(said)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    values = list(names.values()) if isinstance(names, dict) else names
    return tuple(str(name) for name in values) if isinstance(values, list | tuple) and values else None


def _head(outputs: Sequence[NDArray[Any]], labels: tuple[str, ...] | None, size: tuple[int, int]) -> tuple[Head, int]:
    """The head and the number of classes."""
    if any(out.ndim != 3 or out.shape[0] != 1 or out.dtype.kind != "f" for out in outputs[:2]):
        raise _unknown(outputs)
    if len(outputs) >= 2:
        pair = _ssd(outputs)
        if pair is not None:
            return pair
    first = outputs[0]
    rows, columns = first.shape[1:]
    classes = len(labels) if labels else None
    if columns == 6 and rows < FEW:
        return Head(kind="end2end", options=_options(first[0][:, :4], size)), _counted(first, classes)
    if rows < columns and rows > 4 and classes in (None, rows - 4):
        return Head(kind="yolo", options={"variant": "v8", **_options(first[0][:4].T, size)}), rows - 4
    if columns < rows and columns > 5 and classes in (None, columns - 5):
        return Head(kind="yolo", options={"variant": "v5", **_options(first[0][:, :4], size)}), columns - 5
    if columns < rows and classes == columns - 4:
        return Head(kind="yolo", options={"variant": "v8", **_options(first[0][:, :4], size)}), columns - 4
    raise _unknown(outputs, labels)


def _options(boxes: NDArray[Any], size: tuple[int, int]) -> dict[str, Any]:
    """Boxes that never leave 0..2 are shares of the picture; pixels would be hundreds."""
    largest = float(np.abs(boxes).max(initial=0.0))
    return {"units": "share"} if 0 < largest <= 2.0 and max(size) > 16 else {}


def _counted(out: NDArray[Any], classes: int | None) -> int:
    return classes if classes is not None else int(max(float(out[0][:, 5].max(initial=0.0)), 0.0)) + 1


def _ssd(outputs: Sequence[NDArray[Any]]) -> tuple[Head, int] | None:
    places = len(anchors(SsdOptions()))
    for boxes, scores in ((0, 1), (1, 0)):
        if outputs[boxes].shape[1:] == (places, 4) and outputs[scores].shape[1] == places and outputs[scores].shape[2] > 1:
            values = outputs[scores]
            shares = bool(values.min() >= 0 and values.max() <= 1)
            options: dict[str, Any] = {"boxes_output": boxes, "scores_output": scores, "scores": "probabilities" if shares else "logits"}
            return Head(kind="ssd", options=options), values.shape[2] - 1
    return None


def _unknown(outputs: Sequence[NDArray[Any]], labels: tuple[str, ...] | None = None) -> BundleError:
    shapes = ", ".join(str(tuple(out.shape)) for out in outputs)
    said = f" with {len(labels)} labels" if labels else ""
    return BundleError(
        f"model: outputs {shapes}{said} are of no layout we read: (1, 4+C, N), (1, N, 5+C), (1, N, 6) or an SSD's pair; "
        "export the detector without its own post-processing, or correct --labels"
    )
