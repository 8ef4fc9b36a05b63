"""Preflight: whether this box can run what was released: by its facts before a byte is fetched, by its bytes before they are run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from contracts.bundle import Bundle, Input
from contracts.errors import BundleError
from contracts.update import Facts, Model, Release
from device.update.network import Network, read_network
from device.update.protobuf import Span
from device.update.refusal import Refusal
from vision.bundle import StoredBundle, read_bundle

OLDEST_OPSET, NEWEST_OPSET = 7, 23  # of ONNX Runtime 1.23, the oldest that a box has
HEADS: Mapping[str, frozenset[str]] = {  # by task: those that the stages of this software read
    "detect": frozenset({"yolo", "end2end", "points", "ssd"}), "classify": frozenset({"softmax"}), "find_text": frozenset({"db"}),
    "read_text": frozenset({"ctc"}),
}  # fmt: skip
Classes = Literal["same", "more", "any"]


@dataclass(frozen=True, slots=True)
class Box:
    """What is known here of what a model has to fit. `labels` are those of the model in force, `wanted` those the configuration names."""

    name: str
    task: str
    labels: tuple[str, ...]
    wanted: tuple[str, ...] = ()
    classes: Classes = "more"
    engine: str = "onnx"
    tensorrt: str | None = None
    software: str = "0.0.0"
    memory_mb: int = 2048
    max_pixels: int = 1 << 21


def suits(model: Model, facts: Facts, box: Box) -> None:
    """Refusal with what does not fit."""
    if model.name != box.name:
        raise Refusal("E_CONFIG", f"{model.target}: this box runs {box.name}; assign that, or change pipeline.detect.bundle")
    _shape(facts, box)
    _classes(facts.labels, box)
    _software(facts, box)
    if facts.memory_mb is not None and facts.memory_mb > box.memory_mb:
        raise Refusal("E_BUDGET", f"{model.target}: needs {facts.memory_mb} MB, model.trial_memory_mb allows {box.memory_mb}")


def _shape(facts: Facts, box: Box) -> None:
    if facts.task != box.task or facts.head not in HEADS.get(facts.task, ()):
        words = f"is a model to {facts.task} with head {facts.head}, here one to {box.task} is wanted"
        raise Refusal("E_SHAPE", f"model: {words}; train that, or update the software first")
    height, width = facts.input.size
    if height * width > box.max_pixels:
        words = f"looks at {width}x{height} pixels, update.max_pixels allows {box.max_pixels}"
        raise Refusal("E_SHAPE", f"model: {words}; train it for a smaller picture")


def _classes(labels: list[str], box: Box) -> None:
    lost = [label for label in (*box.wanted, *(box.labels if box.classes != "any" else ())) if label not in labels]
    if lost:
        words = f"does not know {lost[0]!r}, which this box looks for"
        raise Refusal("E_CLASSES", f"model: {words}; train it with that class, or set update.classes to any")
    if box.classes == "same" and tuple(labels) != box.labels:
        words = "has other classes, or in another order, than the one in force"
        raise Refusal("E_CLASSES", f"model: {words}; set update.classes to more where new ones are welcome")


def _software(facts: Facts, box: Box) -> None:
    if facts.opset is not None and not OLDEST_OPSET <= facts.opset <= NEWEST_OPSET:
        raise _opset(facts.opset)
    if facts.software is not None and _numbers(facts.software) > _numbers(box.software):
        raise Refusal("E_OPSET", f"model: needs Vedette {facts.software}, this is {box.software}; update the software first")
    if box.engine != "tensorrt" or facts.tensorrt is None or box.tensorrt is None:
        return
    least, beyond = facts.tensorrt
    if not _numbers(least) <= _numbers(box.tensorrt) < _numbers(beyond):
        raise Refusal("E_TRT", f"model: needs TensorRT {least} to before {beyond}, this box has {box.tensorrt}; export it for that")


def _opset(opset: int) -> Refusal:
    return Refusal("E_OPSET", f"model: opset {opset}, this box runs {OLDEST_OPSET} to {NEWEST_OPSET}; export it for one of those")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version)[:4])


def inspect(bundle: StoredBundle, model: Model, release: Release, box: Box) -> None:
    """The bytes, before anything runs them: the bundle is the one that was released, and its network is what it says it is."""
    manifest = bundle.manifest
    if bundle.digest != model.digest or (manifest.name, manifest.version) != (model.name, model.version):
        raise Refusal("E_MIX", f"{model.target}: holds {manifest.name} {manifest.version} {bundle.digest}; release it again")
    if manifest.draft:
        raise Refusal("E_QUALITY", f"{model.target}: is a draft, which has not passed the gates; assign what has")
    if (flaw := _difference(manifest, release.facts)) is not None:
        raise Refusal("E_MIX", f"{model.target}: {flaw} is not what was released with it; release it again")
    suits(model, release.facts, box)
    with bundle.reading() as reader:  # weights stay on the disk: they were hashed there, and whoever runs them hashes them again
        network = read_network(Span(reader.read, 0, reader.size))
    if not OLDEST_OPSET <= network.opset <= NEWEST_OPSET:
        raise _opset(network.opset)
    _looks(manifest.input, network)


def opened(path: str, model: Model) -> StoredBundle:
    """The file as a bundle: links, bombs, hidden bytes and manifests without an end are refused here."""
    try:
        return read_bundle(path)
    except BundleError as error:
        words = str(error).replace(path, model.target)
        raise Refusal("E_HOSTILE", words) from error


def _difference(manifest: Bundle, facts: Facts) -> str | None:
    if manifest.task != facts.task or manifest.head.kind != facts.head:
        return "the head"
    if manifest.labels != facts.labels:
        return "the list of classes"
    return "the input" if manifest.input != facts.input else None


def _looks(spec: Input, network: Network) -> None:
    """The network's one input takes the pictures that the manifest promises it."""
    if list(network.inputs) != [spec.name]:
        names = ", ".join(sorted(network.inputs))[:200] or "none"
        raise Refusal("E_SHAPE", f"model: has the inputs {names}, bundle.json says {spec.name}; make the bundle again")
    dtype, shape = network.inputs[spec.name]
    sides = (1, *spec.size, 3) if spec.layout == "nhwc" else (1, 3, *spec.size)
    fits = len(shape) == len(sides) and all(side in {None, 0} or side == wanted for side, wanted in zip(shape, sides, strict=True))
    if dtype != spec.dtype or not fits:
        words = f"takes {dtype} {['any' if side is None else side for side in shape]}, bundle.json says {spec.dtype} {list(sides)}"
        raise Refusal("E_SHAPE", f"model: {words}; make the bundle again")
