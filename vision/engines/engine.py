"""Engine: a loaded network, one image tensor in, arrays out; what it runs on is written in its fingerprint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from contracts.errors import BundleError


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """`dtype` is numpy's name; None in `shape` stands for any size."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]

    def accepts(self, tensor: NDArray[Any]) -> bool:
        if len(self.shape) != tensor.ndim or self.dtype != tensor.dtype.name:
            return False
        return all(want in {None, got} for want, got in zip(self.shape, tensor.shape, strict=True))

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join('any' if side is None else str(side) for side in self.shape)}]"


@dataclass(frozen=True, slots=True)
class Model:
    """A network whose bytes are read only where nothing was built of them before: what was built is kept under their hash."""

    sha256: str
    read: Callable[[], bytes]


class Engine(Protocol):
    """Threads may share one. `fingerprint` names all that decides the last digit of an answer."""

    name: str  # onnx, tensorrt: the key of a bundle's golden_tolerance
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    fingerprint: Mapping[str, str]

    def run(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        """The outputs in the graph's order, the caller's to keep.

        BundleError: the network does not take this tensor. HardwareError: it failed. TimeoutError: it took too long.
        """
        ...

    def close(self) -> None:
        """Give back what it holds; harmless when closed."""
        ...


def the_input(inputs: tuple[TensorSpec, ...], engine: str) -> TensorSpec:
    """Networks here look at one picture and nothing else."""
    if len(inputs) != 1:
        names = ", ".join(f"{spec.name} {spec}" for spec in inputs) or "none"
        raise BundleError(f"engine {engine}: the model has inputs {names}; export it with one image input")
    return inputs[0]


def check_tensor(spec: TensorSpec, tensor: NDArray[Any], engine: str) -> None:
    if not spec.accepts(tensor):
        got = TensorSpec(spec.name, tensor.dtype.name, tensor.shape)
        raise BundleError(f"engine {engine}: input {spec.name} takes {spec}, got {got}; correct input in bundle.json")
