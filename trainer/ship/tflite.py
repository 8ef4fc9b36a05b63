"""TFLite: the network for phones and small boards, by litert-torch (Apache-2.0), where the extra `tflite` is installed."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from contracts.errors import BundleError, ConfigError, HardwareError
from trainer.network import Answer, Network
from trainer.ship.silence import silence
from vision.engines.engine import TensorSpec, check_tensor

EXTRA = "pip install 'vedette[trainer,tflite]' into an environment of its own"
MARK = b"TFL3"  # bytes 4 to 8 of every TFLite file


def converter() -> ModuleType:
    """ConfigError: the extra is not installed."""
    return _imported("litert_torch")


def to_tflite(network: Network, size: tuple[int, int]) -> bytes:
    """Of one size only: TFLite plans its memory for it."""
    made = converter()
    picture = torch.zeros(1, *size, 3, dtype=torch.uint8)
    with tempfile.TemporaryDirectory(prefix="vedette-tflite-") as folder, silence():
        path = Path(folder) / "model.tflite"
        try:
            made.convert(Answer(network).eval(), (picture,)).export(str(path))
            data = path.read_bytes()
        except Exception as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise BundleError(f"TFLite: the network could not be converted ({first}); ship ONNX") from error
    if data[4:8] != MARK:
        raise BundleError("TFLite: what the converter wrote is no TFLite file; use another version of litert-torch")
    return data


class TfliteEngine:
    """LiteRT on the CPU, so that the file itself is measured; the box has no such engine."""

    name = "tflite"

    def __init__(self, data: bytes, name: str, threads: int = 1) -> None:
        interpreter = _imported("ai_edge_litert.interpreter").Interpreter(model_content=data, num_threads=threads)
        interpreter.allocate_tensors()
        self._interpreter, self._into, self._out = interpreter, interpreter.get_input_details()[0], interpreter.get_output_details()
        shape, dtype = tuple(int(side) for side in self._into["shape"]), np.dtype(self._into["dtype"]).name
        self.inputs: tuple[TensorSpec, ...] = (TensorSpec(name, dtype, shape),)
        self.outputs = tuple(TensorSpec(each["name"], np.dtype(each["dtype"]).name, (None,) * len(each["shape"])) for each in self._out)
        self.fingerprint: Mapping[str, str] = {"engine": self.name, "threads": str(threads)}

    def run(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        check_tensor(self.inputs[0], tensor, self.name)
        try:
            self._interpreter.set_tensor(self._into["index"], tensor)
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise HardwareError(f"engine tflite: run failed: {str(error)[:200]}; ship ONNX") from error
        return [np.array(self._interpreter.get_tensor(each["index"])) for each in self._out]

    def close(self) -> None:
        """The interpreter goes with this object."""


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(f"TFLite: {name.partition('.')[0]} is not installed; {EXTRA}, or leave tflite out of --kinds") from error
