"""Graph: the ONNX file of a network, by the first of PyTorch's exporters that gives one equal to it."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch

from contracts.errors import BundleError, ConfigError, VedetteError
from trainer.export import INPUT, MULTIPLE, OUTPUT, check_same, to_onnx
from trainer.intake import plain, read_onnx
from trainer.network import PEAKS, STRIDE, Answer, Network
from trainer.ship.silence import silence

DYNAMO_OPSET = 18
FEWEST = 2  # multiples of 32 a side has, as the second exporter wants to know
MOST = 256


@dataclass(frozen=True)
class Graph:
    data: bytes
    exporter: str
    opset: int


def graph_of(network: Network, size: tuple[int, int], exporter: str = "auto") -> Graph:
    """BundleError: none of the exporters asked for gave a graph that is plain ONNX and answers as the network does."""
    cells = (size[0] // STRIDE) * (size[1] // STRIDE) * network.classes
    if cells < PEAKS:
        raise ConfigError(
            f"export: {size[1]}x{size[0]} has {cells} places for a box, and {PEAKS} are ranked; train with a larger model.size"
        )
    failures = []
    for name in EXPORTERS if exporter == "auto" else (exporter,):
        try:
            data = EXPORTERS[name](network, size)
            model = read_onnx(data)
        except VedetteError as error:
            failures.append(f"{name}: {error}")
        except Exception as error:  # noqa: BLE001  PyTorch's exporters raise whatever their passes do; the next one is tried
            failures.append(f"{name}: {type(error).__name__}: {_brief(error)}")
        else:
            return Graph(data, name, opset_of(model))
    raise BundleError(f"export: no graph equal to the network could be made ({'; '.join(failures)}); use the PyTorch of the lock file")


def opset_of(model: onnx.ModelProto) -> int:
    return next((each.version for each in model.opset_import if each.domain in {"", "ai.onnx"}), 0)


def by_dynamo(network: Network, size: tuple[int, int]) -> bytes:
    """The newer exporter; it needs the package onnxscript. Its weights are inside, and nothing of this machine is."""
    if importlib.util.find_spec("onnxscript") is None:
        raise ConfigError("onnxscript is not installed; pip install onnxscript, or take the exporter torchscript")
    answer = Answer(network).eval()
    sides = {axis + 1: MULTIPLE * torch.export.Dim(name, min=FEWEST, max=MOST) for axis, name in enumerate(("rows", "columns"))}
    with silence():
        program = torch.onnx.export(
            answer,
            (torch.zeros(1, *size, 3, dtype=torch.uint8),),
            dynamo=True,
            external_data=False,
            opset_version=DYNAMO_OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=(sides,),
        )
        with tempfile.TemporaryDirectory(prefix="vedette-export-") as folder:
            path = Path(folder) / "model.onnx"
            program.save(str(path), external_data=False)  # type: ignore[union-attr]  # None only without dynamo
            data = plain(onnx.load_model(path))
    for other in (size, (size[0] + MULTIPLE, size[1] + 2 * MULTIPLE)):
        check_same(answer, data, other)
    return data


EXPORTERS: dict[str, Callable[[Network, tuple[int, int]], bytes]] = {"torchscript": to_onnx, "dynamo": by_dynamo}


def _brief(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:200]
