"""OnnxEngine: ONNX Runtime with everything pinned that would change an answer, and recorded."""

from __future__ import annotations

import platform
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument
from pydantic import Field

from contracts.bundle import Input
from contracts.errors import BundleError, ConfigError, HardwareError
from vision.engines.engine import TensorSpec, check_tensor, the_input
from vision.strict import Strict

LEVELS = {
    "disabled": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}
NOWHERE = "/dev/null/nowhere"  # where weights outside of the model would be: what was not verified is not loaded
DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}


class OnnxOptions(Strict):
    threads: int = Field(default=1, ge=0, description="threads of one run: 1 for several frames in flight, 0 (all) for the least latency")
    providers: tuple[str, ...] = Field(default=("CPUExecutionProvider",), min_length=1, description="in order of preference")
    graph_level: Literal["disabled", "basic", "extended", "all"] = "all"  # it changes scores in the sixth digit
    spinning: Literal["on", "off"] = "off"  # on: idle threads burn CPU to wake sooner
    timeout_ms: int | None = Field(default=None, ge=1, description="a run that takes longer is broken off, milliseconds")


class OnnxEngine:
    """Several threads may run one session at once. The model comes as bytes: what was verified is what is loaded."""

    name = "onnx"
    compiles = False
    Options = OnnxOptions

    def __init__(self, model: bytes, spec: Input | None = None, options: OnnxOptions | None = None, work: Path | None = None) -> None:
        """`spec` and `work` are for engines that compile; nothing here depends on them."""
        self._options = options or OnnxOptions()
        _check_providers(self._options.providers)
        session = _session(model, self._options)
        self._session: ort.InferenceSession | None = session
        self.inputs = _specs(session.get_inputs())
        self.outputs = _specs(session.get_outputs())
        self._input = the_input(self.inputs, self.name)
        self._names = [spec.name for spec in self.outputs]
        self.fingerprint: Mapping[str, str] = {
            "engine": self.name,
            "library": f"onnxruntime {ort.__version__}",
            "providers": ",".join(session.get_providers()),
            "graph_level": self._options.graph_level,
            "threads": str(self._options.threads),
            "machine": platform.machine(),
        }

    def run(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        session = self._session
        if session is None:
            raise HardwareError("engine onnx: it is closed; open the bundle again")
        check_tensor(self._input, tensor, self.name)
        limit = _Limit(self._options.timeout_ms)
        try:
            with limit:
                return list(session.run(self._names, {self._input.name: tensor}, limit.options))
        except InvalidArgument as error:
            raise BundleError(f"engine onnx: the model does not take input {tensor.shape}: {_brief(error)}; export it again") from error
        except Exception as error:  # ONNX Runtime's errors share no base; whatever the native side says ends here
            if limit.fired:
                raise TimeoutError(f"engine onnx: no answer within {self._options.timeout_ms} ms") from error
            raise HardwareError(f"engine onnx: run failed: {_brief(error)}; try again, or run `vedette doctor`") from error

    def close(self) -> None:
        self._session = None


class _Limit:
    """Breaks a run off when its time is over; without a limit it costs nothing."""

    def __init__(self, timeout_ms: int | None) -> None:
        self.options = None if timeout_ms is None else ort.RunOptions()
        self.fired = False
        self._timer = None if timeout_ms is None else threading.Timer(timeout_ms / 1000, self._fire)

    def _fire(self) -> None:
        self.fired = True
        if self.options is not None:
            self.options.terminate = True

    def __enter__(self) -> None:
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _session(model: bytes, options: OnnxOptions) -> ort.InferenceSession:
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    settings.graph_optimization_level = LEVELS[options.graph_level]
    settings.add_session_config_entry("session.intra_op.allow_spinning", "1" if options.spinning == "on" else "0")
    settings.add_session_config_entry("session.model_external_initializers_file_folder_path", NOWHERE)
    settings.log_severity_level = 4  # what goes wrong comes back as an error, not on the terminal
    try:
        # its Python layer would go on by itself with other providers, now or in any later run
        session = ort.InferenceSession(model, settings, providers=list(options.providers), enable_fallback=False)
    except Exception as error:  # ONNX Runtime's errors share no base, and a hostile model may raise any of them
        raise BundleError(f"engine onnx: the model cannot be loaded: {_brief(error)}; export it again") from error
    if options.providers[0] not in session.get_providers():
        raise HardwareError(f"engine onnx: {options.providers[0]} did not start; install its libraries or change providers")
    return session


def _check_providers(providers: Iterable[str]) -> None:
    unknown = set(providers) - set(ort.get_available_providers())
    if unknown:
        have = ", ".join(ort.get_available_providers())
        raise ConfigError(f"engine onnx: no provider {', '.join(sorted(unknown))} in this ONNX Runtime; it has {have}: change providers")


def _specs(arguments: Iterable[Any]) -> tuple[TensorSpec, ...]:
    return tuple(_spec(argument) for argument in arguments)


def _spec(argument: Any) -> TensorSpec:
    try:
        name, kind, sides = argument.name, argument.type, argument.shape
    except UnicodeDecodeError as error:
        raise BundleError("engine onnx: the model's names are not text; export it again") from error
    if kind not in DTYPES:
        raise BundleError(f"engine onnx: {name} is a {kind}; export the model with plain number tensors")
    return TensorSpec(name, DTYPES[kind], tuple(side if isinstance(side, int) and side > 0 else None for side in sides))


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
