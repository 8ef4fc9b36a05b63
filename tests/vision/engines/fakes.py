"""TensorRT and pycuda as far as the engine uses them, true to what it may get wrong.

Copies and runs happen when the stream is waited for, never before; a call outside an active context fails, and so does
memory freed. A plan is the ONNX model with a header, and a run is ONNX Runtime on what lies in the device's memory.
"""

from __future__ import annotations

import enum
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

MAGIC = b"PLAN"
GPU = "Fake Orin"


class CudaError(Exception):
    """pycuda.driver.Error"""


class Device:
    """A GPU: its memory by address, and what has been queued on it."""

    def __init__(self) -> None:
        self.memory: dict[int, NDArray[np.uint8]] = {}
        self.queue: list[Callable[[], None]] = []
        self.active = threading.local()
        self.next_address = 4096
        self.stuck = False
        self.references = 0

    def need_context(self) -> None:
        if not getattr(self.active, "depth", 0):
            raise CudaError("invalid device context")

    def at(self, address: int, nbytes: int) -> NDArray[np.uint8]:
        memory = self.memory.get(address)
        if memory is None or len(memory) < nbytes:
            raise CudaError(f"illegal memory access at {address}")
        return memory[:nbytes]

    def push(self, work: Callable[[], None]) -> None:
        self.need_context()
        self.queue.append(work)

    def finish(self) -> None:
        self.need_context()
        if self.stuck:
            raise CudaError("a wait without a limit on a device that is stuck would never end")
        while self.queue:
            self.queue.pop(0)()


class Allocation:
    def __init__(self, device: Device, nbytes: int) -> None:
        device.need_context()
        self.device, self.address = device, device.next_address
        device.next_address += nbytes + 4096
        device.memory[self.address] = np.zeros(nbytes, np.uint8)

    def __int__(self) -> int:
        return self.address

    def __del__(self) -> None:
        self.device.memory.pop(self.address, None)


def pycuda_driver(device: Device) -> ModuleType:
    class Context:
        def push(self) -> None:
            device.active.depth = getattr(device.active, "depth", 0) + 1

        @staticmethod
        def pop() -> None:
            device.need_context()
            device.active.depth -= 1

        def detach(self) -> None:
            device.references -= 1

    class Gpu:
        def __init__(self, number: int) -> None:
            if number:
                raise CudaError("cuDeviceGet failed: invalid device ordinal")

        def name(self) -> str:
            return GPU

        def compute_capability(self) -> tuple[int, int]:
            return (8, 7)

        def total_memory(self) -> int:
            return 8 << 30

        def retain_primary_context(self) -> Context:
            device.references += 1
            return Context()

    class Stream:
        handle = 77

        def __init__(self) -> None:
            device.need_context()

        def synchronize(self) -> None:
            device.finish()

    class Event:
        def record(self, stream: Stream) -> None:
            device.need_context()

        def query(self) -> bool:
            if device.stuck:
                return False
            device.finish()
            return True

    def upload(target: int, source: NDArray[np.uint8], stream: Stream) -> None:
        device.push(lambda: np.copyto(device.at(target, source.nbytes), source))

    def download(target: NDArray[np.uint8], source: int, stream: Stream) -> None:
        device.push(lambda: np.copyto(target, device.at(source, target.nbytes)))

    def pinned(size: int, dtype: Any) -> NDArray[Any]:
        device.need_context()
        return np.full(size, 0xAA, dtype)  # what was there before: reading too early shows

    module = ModuleType("pycuda.driver")
    parts = {
        "init": lambda: None, "Error": CudaError, "Context": Context, "Device": Gpu, "Stream": Stream, "Event": Event,
        "mem_alloc": lambda nbytes: Allocation(device, nbytes), "pagelocked_empty": pinned,
        "memcpy_htod_async": upload, "memcpy_dtoh_async": download,
    }  # fmt: skip
    for name, part in parts.items():
        setattr(module, name, part)
    return module


class DataType(enum.Enum):
    FLOAT = 1
    HALF = 2
    UINT8 = 3
    INT64 = 4


class TensorIOMode(enum.Enum):
    INPUT = 1
    OUTPUT = 2


class MemoryPoolType(enum.Enum):
    WORKSPACE = 1


class BuilderFlag10(enum.Enum):
    FP16 = 1
    TF32 = 2
    INT8 = 3
    GPU_FALLBACK = 4


class BuilderFlag11(enum.Enum):
    TF32 = 2
    GPU_FALLBACK = 4


class LayerType(enum.Enum):
    ANY = 1
    QUANTIZE = 2


class DeviceType(enum.Enum):
    GPU = 0
    DLA = 1


DTYPES = {
    "tensor(float)": DataType.FLOAT,
    "tensor(float16)": DataType.HALF,
    "tensor(uint8)": DataType.UINT8,
    "tensor(int64)": DataType.INT64,
}


class Trt:
    """What the module does and what was asked of it; tests change the switches."""

    def __init__(self, device: Device, version: str = "10.3.0") -> None:
        self.device, self.version = device, version
        self.built: list[dict[str, Any]] = []
        self.timing_given: list[bytes] = []
        self.parse_errors: list[str] = []
        self.build_fails = self.refuse_all_plans = self.run_fails = self.no_memory = False
        self.unknown_output_size = False
        self.dla_cores = 0
        self.loaded_for: list[int | None] = []  # the DLA core of each runtime that loaded a plan


class Tensor:
    def __init__(self, info: Any) -> None:
        self.name = info.name
        self.shape = tuple(side.dim_value if side.HasField("dim_value") else -1 for side in info.type.tensor_type.shape.dim)


class Network:
    model = b""
    inputs: tuple[Tensor, ...] = ()

    @property
    def num_inputs(self) -> int:
        return len(self.inputs)

    @property
    def num_layers(self) -> int:
        return len(onnx.load_from_string(self.model).graph.node)

    def get_layer(self, number: int) -> Any:
        quantises = onnx.load_from_string(self.model).graph.node[number].op_type == "QuantizeLinear"
        return type("Layer", (), {"type": LayerType.QUANTIZE if quantises else LayerType.ANY})

    def get_input(self, number: int) -> Tensor:
        return self.inputs[number]


class Timing:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def serialize(self) -> bytes:
        return self.data + b"+"


class Profile:
    def __init__(self) -> None:
        self.shapes: dict[str, Any] = {}

    def set_shape(self, name: str, least: Any, usual: Any, most: Any) -> None:
        assert all(a <= b <= c for a, b, c in zip(least, usual, most, strict=True))
        self.shapes[name] = (tuple(least), tuple(most))


class IProgressMonitor:
    """As TensorRT's: a subclass that does not call this __init__ is refused by the native side."""

    made = False

    def __init__(self) -> None:
        self.made = True

    def tell(self) -> bool:
        """Two layers, each of them timed; whether the builder may go on."""
        call: Any = self
        call.phase_start("Building Engine", None, 2)
        for layer in range(2):
            call.phase_start("Timing", "Building Engine", 4)
            if not all(call.step_complete("Timing", step) for step in range(4)):
                return False
            call.phase_finish("Timing")
            if not call.step_complete("Building Engine", layer):
                return False
        call.phase_finish("Building Engine")
        return self.made


class Config:
    def __init__(self, trt: Trt) -> None:
        self.trt = trt
        self.flags: list[str] = []
        self.default_device_type = DeviceType.GPU
        self.DLA_core = -1
        self.pools: dict[str, int] = {}
        self.profiles: list[Profile] = []
        self.timing: Timing | None = None
        self.progress_monitor: IProgressMonitor | None = None

    def set_memory_pool_limit(self, pool: MemoryPoolType, nbytes: int) -> None:
        self.pools[pool.name] = nbytes

    def set_flag(self, flag: Any) -> None:
        self.flags.append(flag.name)

    def add_optimization_profile(self, profile: Profile) -> int:
        self.profiles.append(profile)
        return len(self.profiles) - 1

    def create_timing_cache(self, data: bytes) -> Timing:
        self.trt.timing_given.append(data)
        return Timing(data)

    def set_timing_cache(self, cache: Timing, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        if cache.data.startswith(b"other gpu"):
            return False
        self.timing = cache
        return True

    def get_timing_cache(self) -> Timing:
        assert self.timing is not None
        return self.timing


class Engine:
    def __init__(self, trt: Trt, header: dict[str, Any], model: bytes) -> None:
        self.trt, self.profiles = trt, header["profiles"]
        self.session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
        self.tensors = {info.name: info for info in (*self.session.get_inputs(), *self.session.get_outputs())}
        self.input_names = [info.name for info in self.session.get_inputs()]
        self.num_io_tensors = len(self.tensors)

    def get_tensor_name(self, number: int) -> str:
        return list(self.tensors)[number]

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        return TensorIOMode.INPUT if name in self.input_names else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> DataType:
        return DTYPES[self.tensors[name].type]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return tuple(side if isinstance(side, int) else -1 for side in self.tensors[name].shape)

    def create_execution_context(self) -> Execution | None:
        self.trt.device.need_context()
        return None if self.trt.no_memory else Execution(self)


class Execution:
    def __init__(self, engine: Engine) -> None:
        self.engine, self.trt = engine, engine.trt
        self.shape: tuple[int, ...] = ()
        self.addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        for profile in self.engine.profiles:
            least, most = profile[name]
            if not all(a <= b <= c for a, b, c in zip(least, shape, most, strict=True)):
                return False
        self.shape = tuple(shape)
        return True

    def _answers(self, tensor: NDArray[Any]) -> dict[str, NDArray[Any]]:
        names = [info.name for info in self.engine.session.get_outputs()]
        return dict(zip(names, self.engine.session.run(names, {self.engine.input_names[0]: tensor}), strict=True))

    def _input_dtype(self) -> str:
        return {"FLOAT": "float32", "HALF": "float16", "UINT8": "uint8"}[self.engine.get_tensor_dtype(self.engine.input_names[0]).name]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        if self.trt.unknown_output_size:
            return (1, -1, 6)
        return self._answers(np.zeros(self.shape, self._input_dtype()))[name].shape

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return address in self.trt.device.memory

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert stream_handle == 77 and set(self.addresses) == set(self.engine.tensors)
        if self.trt.run_fails:
            return False
        self.trt.device.push(self._run)
        return True

    def _run(self) -> None:
        dtype = np.dtype(self._input_dtype())
        nbytes = int(np.prod(self.shape)) * dtype.itemsize
        tensor = self.trt.device.at(self.addresses[self.engine.input_names[0]], nbytes).view(dtype).reshape(self.shape)
        for name, answer in self._answers(tensor).items():
            raw = np.ascontiguousarray(answer).reshape(-1).view(np.uint8)
            np.copyto(self.trt.device.at(self.addresses[name], len(raw)), raw)


def tensorrt(trt: Trt) -> ModuleType:
    class Logger:
        ERROR = "error"

        def __init__(self, level: str) -> None:
            assert level == "error"

    class Builder:
        num_DLA_cores = property(lambda self: trt.dla_cores)  # noqa: N815 - TensorRT's own name

        def __init__(self, logger: Logger) -> None:
            trt.device.need_context()

        def create_network(self, flags: int) -> Network:
            assert flags == 0
            return Network()

        def create_builder_config(self) -> Config:
            return Config(trt)

        def create_optimization_profile(self) -> Profile:
            return Profile()

        def build_serialized_network(self, network: Network, config: Config) -> memoryview | None:
            profiles = [profile.shapes for profile in config.profiles]
            device = (config.default_device_type.name, config.DLA_core)
            trt.built.append({"flags": config.flags, "pools": config.pools, "profiles": profiles, "device": device})
            header = json.dumps({"version": trt.version, "profiles": profiles}).encode()
            plan = b"\n".join([MAGIC, header, network.model])
            stopped = config.progress_monitor is not None and not config.progress_monitor.tell()
            return None if trt.build_fails or stopped else memoryview(plan)

    class OnnxParser:
        def __init__(self, network: Network, logger: Logger) -> None:
            self.network = network

        num_errors = property(lambda self: len(trt.parse_errors))

        def get_error(self, number: int) -> Any:
            class Error:
                def desc(self) -> str:
                    return trt.parse_errors[number]

            return Error()

        def parse(self, model: bytes) -> bool:
            if not trt.parse_errors:
                self.network.model = model
                self.network.inputs = tuple(Tensor(info) for info in onnx.load_from_string(model).graph.input)
            return not trt.parse_errors

    class Runtime:
        DLA_core: int | None = None

        def __init__(self, logger: Logger) -> None:
            trt.device.need_context()

        def deserialize_cuda_engine(self, plan: bytes) -> Engine | None:
            trt.loaded_for.append(self.DLA_core)
            magic, header, model = bytes(plan).split(b"\n", 2)
            said = json.loads(header)
            refused = trt.refuse_all_plans or magic != MAGIC or said["version"] != trt.version
            return None if refused else Engine(trt, said, model)

    module = ModuleType("tensorrt")
    parts = {
        "__version__": trt.version, "IProgressMonitor": IProgressMonitor, "Logger": Logger,
        "Builder": Builder, "OnnxParser": OnnxParser, "Runtime": Runtime,
        "BuilderFlag": BuilderFlag10 if trt.version.startswith("10.") else BuilderFlag11,
        "MemoryPoolType": MemoryPoolType, "LayerType": LayerType, "DeviceType": DeviceType,
        "TensorIOMode": TensorIOMode, "DataType": DataType,
    }  # fmt: skip
    for name, part in parts.items():
        setattr(module, name, part)
    return module


def install(monkeypatch: pytest.MonkeyPatch, version: str = "10.3.0") -> Trt:
    """Both modules importable for the length of a test."""
    trt = Trt(Device(), version)
    monkeypatch.setitem(sys.modules, "tensorrt", tensorrt(trt))
    monkeypatch.setitem(sys.modules, "pycuda", ModuleType("pycuda"))
    monkeypatch.setitem(sys.modules, "pycuda.driver", pycuda_driver(trt.device))
    return trt


CHILD = '''"""One GPU for both modules, in a process of its own; files `hang` and `die` beside it say how a build goes."""
import os, sys, threading
from pathlib import Path
from tests.vision.engines import fakes

HERE = Path(__file__).parent
TRT = fakes.Trt(fakes.Device())
DRIVER, MODULE = fakes.pycuda_driver(TRT.device), fakes.tensorrt(TRT)
tell = fakes.IProgressMonitor.tell


def slowly(self):
    (HERE / "pid").write_text(str(os.getpid()))
    if (HERE / "die").exists():
        os.abort()
    if (HERE / "hang").exists():
        self.phase_start("Building Engine", None, 4)
        self.step_complete("Building Engine", 0)
        threading.Event().wait()
    return tell(self)


fakes.IProgressMonitor.tell = slowly
'''


def lay(folder: Path) -> Path:
    """The modules as files, for processes that are started with this folder in their path."""
    (folder / "pycuda").mkdir(parents=True)
    (folder / "fake_gpu.py").write_text(CHILD)
    (folder / "tensorrt.py").write_text("import fake_gpu\nglobals().update(vars(fake_gpu.MODULE))\n")
    (folder / "pycuda" / "__init__.py").touch()
    (folder / "pycuda" / "driver.py").write_text("import fake_gpu\nglobals().update(vars(fake_gpu.DRIVER))\n")
    return folder
