"""A TensorRT plan: an ONNX model compiled for this GPU, with an optimisation profile and a timing cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from contracts.bundle import Input
from contracts.errors import BundleError, HardwareError
from vision.engines.progress import Told, monitor, unheard


@dataclass(frozen=True, slots=True)
class Shapes:
    """The input's smallest, usual and largest shape; a plan serves any between."""

    least: tuple[int, ...]
    usual: tuple[int, ...]
    most: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a plan is built from besides the model and the machine."""

    shapes: Shapes
    precision: Literal["fp16", "fp32"]
    workspace_mib: int
    dla: int | None = None  # core of the deep learning accelerator


def shapes_of(spec: Input) -> Shapes:
    height, width = spec.size
    step = spec.multiple
    if step is None:
        return Shapes(*[_shape(spec, height, width)] * 3)
    most = _shape(spec, -(-height // step) * step, -(-width // step) * step)
    return Shapes(_shape(spec, step, step), most, most)


def build_plan(trt: Any, logger: Any, model: bytes, recipe: Recipe, timing: bytes, told: Told = unheard) -> tuple[bytes, bytes]:
    """The plan and the timing cache grown by it. Takes minutes on a small box; the GPU's context must be active."""
    builder = trt.Builder(logger)
    network = builder.create_network(0)  # explicit batch is the only kind since TensorRT 10
    _parse(trt, logger, network, model)
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, recipe.workspace_mib << 20)
    _set_types(trt, network, config, recipe)
    _use_dla(trt, builder, config, recipe.dla)
    _add_profile(builder, network, config, recipe.shapes)
    _use_timing(config, timing)
    if (watching := monitor(trt, told)) is not None:
        config.progress_monitor = watching
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise BundleError(f"engine tensorrt: no plan could be built with TensorRT {trt.__version__}; choose engine onnx for this bundle")
    return bytes(plan), bytes(config.get_timing_cache().serialize())


def has_fp16_flag(trt: Any) -> bool:
    """TensorRT 11 took the flag away: there a graph's own types count, and FP16 is made at export."""
    return hasattr(trt.BuilderFlag, "FP16")


def _set_types(trt: Any, network: Any, config: Any, recipe: Recipe) -> None:
    """Which types kernels may count in. INT8 is what the graph itself quantises (the trainer's form has its ranges in it, so no calibration
    runs on a box); TensorRT 10 wants to be told that it may."""
    if not has_fp16_flag(trt):
        return
    if recipe.precision == "fp16":
        config.set_flag(trt.BuilderFlag.FP16)
    kinds = {network.get_layer(number).type for number in range(network.num_layers)}
    if trt.LayerType.QUANTIZE in kinds:
        config.set_flag(trt.BuilderFlag.INT8)


def _use_dla(trt: Any, builder: Any, config: Any, core: int | None) -> None:
    """Layers that it cannot take run on the GPU."""
    if core is None:
        return
    if core >= builder.num_DLA_cores:
        raise HardwareError(f"engine tensorrt: there is no DLA core {core}, this box has {builder.num_DLA_cores}; correct dla_core")
    config.default_device_type = trt.DeviceType.DLA
    config.DLA_core = core
    config.set_flag(trt.BuilderFlag.GPU_FALLBACK)


def _parse(trt: Any, logger: Any, network: Any, model: bytes) -> None:
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model):
        reasons = "; ".join(str(parser.get_error(number).desc()) for number in range(min(parser.num_errors, 3)))
        raise BundleError(f"engine tensorrt: TensorRT {trt.__version__} does not read the model: {reasons}; choose engine onnx")
    if network.num_inputs != 1:
        raise BundleError(f"engine tensorrt: the model has {network.num_inputs} inputs; export it with one image input")


def _add_profile(builder: Any, network: Any, config: Any, shapes: Shapes) -> None:
    """Only an input with an open side takes a profile."""
    tensor = network.get_input(0)
    open_sides = [side < 0 for side in tensor.shape]
    fits = len(open_sides) == len(shapes.usual) and all(
        is_open or side == usual for is_open, side, usual in zip(open_sides, tensor.shape, shapes.usual, strict=True)
    )
    if not fits:
        raise BundleError(
            f"engine tensorrt: input {tensor.name} takes {tuple(tensor.shape)}, bundle.json says {shapes.usual}; correct input there"
        )
    if any(open_sides):
        profile = builder.create_optimization_profile()
        profile.set_shape(tensor.name, shapes.least, shapes.usual, shapes.most)
        config.add_optimization_profile(profile)


def _use_timing(config: Any, timing: bytes) -> None:
    """A cache of another GPU or version is refused by TensorRT; then it starts from an empty one."""
    cache = config.create_timing_cache(timing)
    if cache is None or not config.set_timing_cache(cache, False):
        config.set_timing_cache(config.create_timing_cache(b""), False)


def _shape(spec: Input, height: int, width: int) -> tuple[int, ...]:
    return (1, height, width, 3) if spec.layout == "nhwc" else (1, 3, height, width)
