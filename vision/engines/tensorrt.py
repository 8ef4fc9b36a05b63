"""TensorrtEngine: TensorRT 10 or newer, a plan built on this box from the bundle's ONNX model, run through pinned memory."""

from __future__ import annotations

import hashlib
import importlib
import logging
import math
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from contracts.bundle import Input
from contracts.errors import BundleError, HardwareError, StorageError
from vision.engines.cuda import Buffer, Buffers, PycudaBuffers
from vision.engines.engine import Model, TensorSpec, check_tensor, the_input
from vision.engines.plan import Recipe, build_plan, has_fp16_flag, shapes_of
from vision.engines.plan_cache import PlanCache, plan_key
from vision.engines.progress import Told, unheard
from vision.strict import Strict

log = logging.getLogger(__name__)
DTYPES = {"FLOAT": "float32", "HALF": "float16", "INT8": "int8", "INT32": "int32", "INT64": "int64", "UINT8": "uint8", "BOOL": "bool"}
JETSON_RELEASE = Path("/etc/nv_tegra_release")


class TensorrtOptions(Strict):
    precision: Literal["fp16", "fp32"] = Field(
        default="fp16", description="what is not quantised in the model itself counts in; with TensorRT 11 the model's own types do"
    )
    workspace_mib: int = Field(default=512, ge=16, description="memory the builder may use for a layer, MiB")
    device: int = Field(default=0, ge=0, description="number of the GPU")
    dla_core: int | None = Field(default=None, ge=0, le=3, description="core of the DLA; what it cannot do runs on the GPU")
    timeout_ms: int | None = Field(default=None, ge=1, description="a run that takes longer is given up, milliseconds")


class TensorrtEngine:
    """One context: threads that share the engine take turns."""

    name = "tensorrt"
    compiles = True
    Options = TensorrtOptions

    def __init__(
        self,
        model: bytes | Model,
        spec: Input,
        options: TensorrtOptions | None = None,
        work: Path | None = None,
        buffers: Callable[[int], Buffers] = PycudaBuffers,
        told: Told = unheard,
    ) -> None:
        """`work` is the folder plans are kept in; without one the plan is built at every start. `told`: how far that is."""
        self._options = options or TensorrtOptions()
        model = Model(hashlib.sha256(model).hexdigest(), partial(bytes, model)) if isinstance(model, bytes) else model
        self._trt = _library()
        self._lock = threading.Lock()
        self._buffers = buffers(self._options.device)
        self._held: dict[str, Buffer] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._runtime: Any = None
        self._engine: Any = None
        self._context: Any = None
        try:
            with self._buffers.active():
                self.fingerprint = self._load(model, spec, PlanCache(work) if work else None, told)
                self.inputs, self.outputs = self._specs(is_input=True), self._specs(is_input=False)
            self._input = the_input(self.inputs, self.name)
        except BaseException:
            self.close()
            raise

    def run(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        check_tensor(self._input, tensor, self.name)
        with self._lock, self._buffers.active():
            self._buffers.wait(self._options.timeout_ms)  # a run given up earlier may still own the memory
            self._shape(tensor.shape)
            self._view(self._input, tensor.shape)[...] = tensor
            self._buffers.upload(self._held[self._input.name], tensor.nbytes)
            if not self._context.execute_async_v3(self._buffers.stream):
                raise HardwareError("engine tensorrt: the run could not be started; see the log, or choose engine onnx")
            for spec in self.outputs:
                self._buffers.download(self._held[spec.name], _nbytes(spec, self._shapes[spec.name]))
            self._buffers.wait(self._options.timeout_ms)
            return [self._view(spec, self._shapes[spec.name]).copy() for spec in self.outputs]

    def close(self) -> None:
        with self._lock:
            if self._runtime is not None:
                with self._buffers.active():  # memory and context are given back to the device they came from
                    self._held.clear()
                    self._context = self._engine = self._runtime = None
            self._buffers.close()

    def _load(self, model: Model, spec: Input, cache: PlanCache | None, told: Told) -> Mapping[str, str]:
        trt = self._trt
        core = self._options.dla_core
        if core is not None and spec.multiple is not None:
            raise BundleError("engine tensorrt: a DLA takes one size of pictures, this model many; export it without input.multiple")
        recipe = Recipe(shapes_of(spec), self._options.precision, self._options.workspace_mib, core)
        fields = _key_fields(trt, model, recipe, self._buffers.gpu)
        logger = trt.Logger(trt.Logger.ERROR)
        self._runtime = trt.Runtime(logger)
        if core is not None:
            self._runtime.DLA_core = core
        self._engine = _kept(self._runtime, cache, plan_key(fields)) or _built(
            trt, logger, self._runtime, model, recipe, fields=fields, cache=cache, told=told
        )
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise HardwareError("engine tensorrt: no memory for the model's activations; choose a smaller input or engine onnx")
        return {"engine": self.name, "library": f"tensorrt {trt.__version__}", **fields}

    def _specs(self, is_input: bool) -> tuple[TensorSpec, ...]:
        names = [self._engine.get_tensor_name(number) for number in range(self._engine.num_io_tensors)]
        return tuple(self._spec(name) for name in names if (self._engine.get_tensor_mode(name) == self._trt.TensorIOMode.INPUT) == is_input)

    def _spec(self, name: str) -> TensorSpec:
        dtype = self._engine.get_tensor_dtype(name).name
        if dtype not in DTYPES:
            raise BundleError(f"engine tensorrt: tensor {name} is {dtype}; export the model with one of {', '.join(DTYPES)}")
        shape = tuple(side if side >= 0 else None for side in self._engine.get_tensor_shape(name))
        return TensorSpec(name, DTYPES[dtype], shape)

    def _shape(self, shape: tuple[int, ...]) -> None:
        """Tell the context the input's shape when it is a new one, and make room for what comes out."""
        if self._shapes.get(self._input.name) == shape:
            return
        self._shapes.clear()
        if not self._context.set_input_shape(self._input.name, shape):
            raise BundleError(f"engine tensorrt: input {shape} lies outside the shapes of the plan; correct input in bundle.json")
        shapes = {self._input.name: shape}
        for spec in self.outputs:
            shapes[spec.name] = tuple(self._context.get_tensor_shape(spec.name))
            if min(shapes[spec.name], default=1) < 0:
                raise BundleError(f"engine tensorrt: the size of {spec.name} depends on the picture; export it with as many rows always")
        for spec in (self._input, *self.outputs):
            self._reserve(spec, _nbytes(spec, shapes[spec.name]))
        self._shapes = shapes

    def _reserve(self, spec: TensorSpec, nbytes: int) -> None:
        held = self._held.get(spec.name)
        if held is None or len(held.host) < nbytes:
            held = self._held[spec.name] = self._buffers.allocate(nbytes)
            if not self._context.set_tensor_address(spec.name, held.address):
                raise HardwareError(f"engine tensorrt: memory for {spec.name} was refused; restart the appliance, or choose engine onnx")

    def _view(self, spec: TensorSpec, shape: tuple[int, ...]) -> NDArray[Any]:
        host = self._held[spec.name].host[: _nbytes(spec, shape)]
        view: NDArray[Any] = host.view(spec.dtype).reshape(shape)
        return view


def _library() -> Any:
    try:
        trt = importlib.import_module("tensorrt")
    except (ImportError, OSError) as error:
        raise HardwareError(f"engine tensorrt: TensorRT is not usable: {error}; install JetPack's or choose engine onnx") from error
    if int(str(trt.__version__).split(".", maxsplit=1)[0]) < 10:
        raise HardwareError(f"engine tensorrt: TensorRT {trt.__version__} is too old; 10 or newer is needed, or choose engine onnx")
    return trt


def _key_fields(trt: Any, model: Model, recipe: Recipe, gpu: str) -> dict[str, str]:
    jetson = ""
    with suppress(OSError):
        jetson = JETSON_RELEASE.read_text("utf-8", "replace").splitlines()[0]
    return {
        "onnx": model.sha256,
        "tensorrt": str(trt.__version__),
        "jetson": jetson,
        "gpu": gpu,
        "precision": recipe.precision if has_fp16_flag(trt) else "as exported",
        "shapes": str(asdict(recipe.shapes)),
        "workspace_mib": str(recipe.workspace_mib),
        "dla": "none" if recipe.dla is None else str(recipe.dla),
        "plugins": "none",
    }


def _kept(runtime: Any, cache: PlanCache | None, key: str) -> Any:
    """The engine of the kept plan; one that TensorRT refuses is dropped."""
    plan = cache.load(key) if cache else None
    if cache is None or plan is None:
        return None
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        log.warning("kept plan refused, building again", extra={"plan": key})
        cache.drop(key)
    return engine


def _built(
    trt: Any, logger: Any, runtime: Any, model: Model, recipe: Recipe, *, fields: Mapping[str, str], cache: PlanCache | None, told: Told
) -> Any:
    plan, timing = build_plan(trt, logger, model.read(), recipe, cache.timing() if cache else b"", told)
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise BundleError(f"engine tensorrt: TensorRT {trt.__version__} refuses the plan it built; choose engine onnx for this bundle")
    if cache:
        _keep(cache, plan, timing, fields)
    return engine


def _keep(cache: PlanCache, plan: bytes, timing: bytes, fields: Mapping[str, str]) -> None:
    """Only a plan that loads is kept; where the disk refuses it, the next start builds again."""
    cache.save_timing(timing)
    try:
        cache.save(plan_key(fields), plan, fields)
    except StorageError as error:
        log.warning("plan not kept", extra={"error": str(error)})


def _nbytes(spec: TensorSpec, shape: tuple[int, ...]) -> int:
    return math.prod(shape) * np.dtype(spec.dtype).itemsize
