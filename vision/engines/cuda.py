"""Buffers: the little of CUDA that an engine needs, pinned host memory and its twin on the device; pycuda behind it."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.errors import HardwareError

POLL_S = 0.0005  # only where a run has a time limit: CUDA can wait for ever or not at all


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """As many bytes pinned on the host as on the device; `address` is the device's."""

    host: NDArray[np.uint8]
    address: int
    held: Any  # the allocation; it is freed when nothing refers to it


class Buffers(Protocol):
    gpu: str  # name, compute capability and memory: an engine is bound to them
    stream: int

    def active(self) -> AbstractContextManager[None]:
        """The calling thread works on the device inside; may be nested."""
        ...

    def allocate(self, nbytes: int) -> Buffer: ...
    def upload(self, buffer: Buffer, nbytes: int) -> None: ...
    def download(self, buffer: Buffer, nbytes: int) -> None: ...
    def wait(self, timeout_ms: int | None) -> None:
        """Until all that was queued is done; TimeoutError."""
        ...

    def close(self) -> None: ...


class PycudaBuffers:
    """One stream on the device's primary context, which any thread may make its own for a while."""

    def __init__(self, device: int = 0) -> None:
        try:
            self._cuda = importlib.import_module("pycuda.driver")
            self._cuda.init()
            gpu = self._cuda.Device(device)
        except (ImportError, OSError) as error:
            raise HardwareError(f"engine tensorrt: pycuda is not usable: {error}; install vedette[jetson] or choose engine onnx") from error
        except Exception as error:  # pycuda's own error class is known only once its import has worked
            raise HardwareError(f"engine tensorrt: no CUDA device {device}: {error}; choose engine onnx") from error
        major, minor = gpu.compute_capability()
        self.gpu = f"{gpu.name()} sm{major}{minor} {gpu.total_memory() >> 20} MiB"
        self._context = gpu.retain_primary_context()
        with self.active():
            self._stream = self._cuda.Stream()
            self._done = self._cuda.Event()
        self.stream = int(self._stream.handle)

    @contextmanager
    def active(self) -> Iterator[None]:
        if self._context is None:
            raise HardwareError("engine tensorrt: it is closed; open the bundle again")
        self._context.push()
        try:
            yield
        except self._cuda.Error as error:
            raise HardwareError(f"engine tensorrt: CUDA failed: {error}; restart the appliance, or choose engine onnx") from error
        finally:
            self._cuda.Context.pop()

    def allocate(self, nbytes: int) -> Buffer:
        size = max(1, nbytes)
        device = self._cuda.mem_alloc(size)
        return Buffer(self._cuda.pagelocked_empty(size, np.uint8), int(device), device)

    def upload(self, buffer: Buffer, nbytes: int) -> None:
        self._cuda.memcpy_htod_async(buffer.address, buffer.host[:nbytes], self._stream)

    def download(self, buffer: Buffer, nbytes: int) -> None:
        self._cuda.memcpy_dtoh_async(buffer.host[:nbytes], buffer.address, self._stream)

    def wait(self, timeout_ms: int | None) -> None:
        if timeout_ms is None:
            self._stream.synchronize()
            return
        self._done.record(self._stream)
        pause = threading.Event()
        for _ in range(max(1, int(timeout_ms / 1000 / POLL_S))):
            if self._done.query():
                return
            pause.wait(POLL_S)
        raise TimeoutError(f"engine tensorrt: no answer within {timeout_ms} ms")

    def close(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            context.detach()
