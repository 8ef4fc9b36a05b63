"""Forms: how each smaller form of a network is made and how much it may lose; tried until one loses little enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import onnx
from pydantic import JsonValue

from contracts.errors import ConfigError
from contracts.exported import Kind
from dataset.items import Item
from trainer.ship import fp16, int8
from trainer.ship.graph import Graph, opset_of
from trainer.ship.measuring import Shown, Tick
from trainer.ship.options import ShipOptions
from trainer.ship.trained import Trained
from vision.engines.engine import Engine
from vision.engines.onnx import OnnxEngine, OnnxOptions


@dataclass(frozen=True, eq=False)
class Form:
    """One candidate: its file, and how to run it."""

    data: bytes
    open: Callable[[], Engine]
    shown: Shown
    opset: int | None
    details: dict[str, JsonValue]


@dataclass(frozen=True, eq=False)
class Source:
    """What the smaller forms are made of. `network` is None for a model that was trained elsewhere."""

    graph: Graph
    shown: Shown
    train: Sequence[Item]
    trained: Trained | None
    options: ShipOptions


def onnx_engine(data: bytes, options: ShipOptions) -> Engine:
    return OnnxEngine(data, options=OnnxOptions(threads=options.threads))


def _of_onnx(source: Source, data: bytes, details: dict[str, JsonValue]) -> Form:
    opset = opset_of(onnx.load_model_from_string(data))
    return Form(data, lambda: onnx_engine(data, source.options), source.shown, opset, details)


def int8_forms(source: Source, tick: Tick) -> Iterator[Form]:
    """Schemes one after the other; the next is made only when the one before it lost too much."""
    pictures = int8.chosen(source.train, source.options.calibration, source.options.seed)
    for scheme in int8.SCHEMES:
        data = int8.to_int8(source.graph.data, scheme, source.shown.input, pictures, tick)
        details: dict[str, JsonValue] = {
            "scheme": scheme.name,
            "calibration_pictures": len(pictures),
            "tensorrt": "takes it" if scheme.symmetric else "refuses it: its ranges are not symmetric",
        }
        yield _of_onnx(source, data, details)


def fp16_forms(source: Source, tick: Tick) -> Iterator[Form]:
    looked_at = source.train[: fp16.LOOKED_AT]
    largest = fp16.largest_value(source.graph.data, source.shown.input, looked_at)
    fp16.check_range(largest)
    tick(len(looked_at), len(looked_at))
    details: dict[str, JsonValue] = {
        "largest_value": round(largest, 3),
        "checked": "rounded weights and range of values, on the CPU; sums of half floats are TensorRT's",
    }
    yield _of_onnx(source, fp16.to_fp16(source.graph.data), details)


def tflite_forms(source: Source, tick: Tick) -> Iterator[Form]:
    from trainer.ship.tflite import TfliteEngine, converter, to_tflite

    converter()  # before anything is done, so that a missing extra is said at once
    if source.trained is None:
        raise ConfigError("TFLite: is made of our own networks only; convert a model of others with their own program")
    data = to_tflite(source.trained.network, source.trained.size)
    tick(1, 1)
    one_size = replace(source.shown, input=source.shown.input.model_copy(update={"multiple": None}))
    name, threads = one_size.input.name, source.options.threads
    yield Form(data, lambda: TfliteEngine(data, name, threads), one_size, None, {"size": list(source.trained.size)})


@dataclass(frozen=True)
class Way:
    file: str
    make: Callable[[Source, Tick], Iterator[Form]]
    most_loss: Callable[[ShipOptions], float]


WAYS: Mapping[Kind, Way] = {
    "int8": Way("model.int8.onnx", int8_forms, lambda options: options.int8_ap_loss),
    "fp16": Way("model.fp16.onnx", fp16_forms, lambda options: options.fp16_ap_loss),
    "tflite": Way("model.tflite", tflite_forms, lambda options: options.tflite_ap_loss),
}
