"""The contract of every engine: one file, each engine through all of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.bundle import Input
from contracts.errors import BundleError, HardwareError
from tests.vision.engines import fakes
from tests.vision.models import times_two, two_inputs, white_box
from vision.building import compiles
from vision.engines.cuda import PycudaBuffers
from vision.engines.engine import Engine, TensorSpec
from vision.engines.onnx import OnnxEngine
from vision.engines.tensorrt import TensorrtEngine

Open = Callable[..., Engine]
OPEN = Input(name="image", dtype="float32", layout="nchw", size=(64, 96), multiple=32)
FIXED = Input(name="image", dtype="float32", layout="nchw", size=(32, 64))


def no_gpu() -> str:
    """Why TensorRT cannot run here, or nothing."""
    missing = [name for name in ("tensorrt", "pycuda") if find_spec(name) is None]
    if missing:
        return f"no module {' and no module '.join(missing)}"
    try:
        PycudaBuffers().close()
    except HardwareError as error:
        return str(error)
    return ""


@pytest.fixture(params=["onnx", "tensorrt-fake", pytest.param("tensorrt", marks=pytest.mark.gpu)])
def open_engine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    if request.param == "onnx":
        return OnnxEngine
    if request.param == "tensorrt-fake":
        fakes.install(monkeypatch)
    elif reason := no_gpu():
        pytest.skip(f"needs a GPU with TensorRT: {reason}")
    return lambda model, spec, **more: TensorrtEngine(model, spec, work=tmp_path, **more)


def picture(height: int, width: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(0, 50, (1, 3, height, width)).astype(np.float32)


def assert_doubled(engine: Engine, tensor: Any) -> None:
    double, total = engine.run(tensor)
    assert double.shape == tensor.shape and total.shape == (1, *tensor.shape[2:])
    assert np.allclose(double, 2 * tensor, rtol=1e-2, atol=0.5)
    assert np.allclose(total, tensor.sum(axis=1), rtol=1e-2, atol=0.5)


def test_it_says_what_goes_in_and_what_comes_out(open_engine: Open) -> None:
    engine = open_engine(times_two(), OPEN)
    assert engine.inputs == (TensorSpec("image", "float32", (1, 3, None, None)),)
    assert [(spec.name, spec.dtype, len(spec.shape)) for spec in engine.outputs] == [("double", "float32", 4), ("sum", "float32", 3)]


def test_outputs_come_in_the_order_of_the_graph(open_engine: Open) -> None:
    assert_doubled(open_engine(times_two(shape=(1, 3, 32, 64)), FIXED), picture(32, 64))


def test_an_open_size_takes_one_shape_after_another(open_engine: Open) -> None:
    engine = open_engine(times_two(), OPEN)
    for height, width in [(32, 32), (64, 96), (32, 96), (64, 96), (32, 32)]:
        assert_doubled(engine, picture(height, width))


def test_bytes_go_in_as_they_are(open_engine: Open) -> None:
    engine = open_engine(white_box(), Input(name="image", size=(64, 96), multiple=32))
    tensor = np.full((1, 64, 96, 3), 60, np.uint8)
    tensor[0, 10:30, 20:50] = 255
    assert engine.inputs[0].dtype == "uint8"
    assert engine.run(tensor)[0].tolist() == [[[20, 10, 50, 30, 1, 0]]]


def test_answers_are_the_callers_to_keep(open_engine: Open) -> None:
    engine = open_engine(times_two(shape=(1, 3, 32, 64)), FIXED)
    first = engine.run(picture(32, 64, 1))[0]
    copy = first.copy()
    engine.run(picture(32, 64, 2))
    engine.close()
    assert np.array_equal(first, copy)


def test_a_tensor_that_is_a_view_is_read_rightly(open_engine: Open) -> None:
    assert_doubled(open_engine(times_two(shape=(1, 3, 32, 64)), FIXED), picture(64, 128)[:, :, ::2, ::2])


@pytest.mark.parametrize(
    "tensor", [np.zeros((1, 3, 32, 32), np.float32), np.zeros((1, 3, 32, 64), np.uint8), np.zeros((3, 32, 64), np.float32)]
)
def test_a_tensor_of_another_kind_is_refused_naming_both(open_engine: Open, tensor: Any) -> None:
    engine = open_engine(times_two(shape=(1, 3, 32, 64)), FIXED)
    with pytest.raises(BundleError, match=r"input image takes float32\[1, 3, 32, 64\], got ") as caught:
        engine.run(tensor)
    assert ", ".join(map(str, tensor.shape)) in str(caught.value)


def test_a_model_of_two_inputs_is_refused(open_engine: Open) -> None:
    with pytest.raises(BundleError, match="one image input"):
        open_engine(two_inputs(), FIXED)


def test_what_it_runs_on_is_recorded(open_engine: Open) -> None:
    engine = open_engine(times_two(), OPEN)
    assert engine.fingerprint["engine"] == engine.name
    assert engine.fingerprint["library"].split()[0] in {"onnxruntime", "tensorrt"}
    assert all(isinstance(value, str) for value in engine.fingerprint.values())


def test_a_closed_engine_says_so_and_closes_again(open_engine: Open) -> None:
    engine = open_engine(times_two(shape=(1, 3, 32, 64)), FIXED)
    engine.close()
    engine.close()
    with pytest.raises(HardwareError, match="closed"):
        engine.run(picture(32, 64))


def test_threads_share_it(open_engine: Open) -> None:
    engine = open_engine(times_two(), OPEN)
    wrong: list[str] = []

    def work(number: int) -> None:
        for step in range(20):
            tensor = picture(32 * (1 + step % 2), 32 * (1 + number % 3), number * 100 + step)
            if not np.allclose(engine.run(tensor)[0], 2 * tensor, rtol=1e-2, atol=0.5):
                wrong.append(f"thread {number} step {step}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_it_builds_it_tells_and_what_was_kept_is_there_at_once(open_engine: Open) -> None:
    """An engine that compiles nothing has nothing to tell, and no place for who would listen."""
    if not compiles(open_engine(times_two(), OPEN).name):
        with pytest.raises(TypeError):
            open_engine(times_two(), OPEN, told=lambda percent: None)
        return
    said: list[float] = []
    model = times_two(shape=(1, 3, 32, 64))
    assert_doubled(open_engine(model, FIXED, told=said.append), picture(32, 64))
    assert said == sorted(set(said)) and said[0] > 0 and said[-1] == 100
    again: list[float] = []
    assert_doubled(open_engine(model, FIXED, told=again.append), picture(32, 64))
    assert again == []
