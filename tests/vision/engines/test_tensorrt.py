"""The TensorRT engine's own logic: what is built, kept, trusted and refused. The GPU is a fake that is true to its order."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from contracts.bundle import Input
from contracts.errors import BundleError, HardwareError
from tests.vision.bundles import scene, white_box_bundle
from tests.vision.engines import fakes
from tests.vision.models import times_two
from vision.detector import open_detector
from vision.engines import plan_cache
from vision.engines.cuda import PycudaBuffers
from vision.engines.engine import Engine, Model
from vision.engines.tensorrt import TensorrtEngine, TensorrtOptions
from vision.planes import BgrPlanes

OPEN = Input(name="image", dtype="float32", layout="nchw", size=(64, 90), multiple=32)
FIXED = Input(name="image", dtype="float32", layout="nchw", size=(32, 64))
MODEL = times_two(shape=(1, 3, 32, 64))
ZEROS = np.zeros((1, 3, 32, 64), np.float32)


@pytest.fixture
def trt(monkeypatch: pytest.MonkeyPatch) -> fakes.Trt:
    return fakes.install(monkeypatch)


def opened(work: Path | None = None, model: bytes = MODEL, spec: Input = FIXED, **options: Any) -> Engine:
    return TensorrtEngine(model, spec, TensorrtOptions(**options), work)


def kept(work: Path) -> Path:
    (folder,) = [path for path in work.iterdir() if path.is_dir()]
    return folder


def test_an_open_input_gets_a_profile_from_the_bundle(trt: fakes.Trt) -> None:
    opened(model=times_two(), spec=OPEN)
    assert trt.built[0]["profiles"] == [{"image": ((1, 3, 32, 32), (1, 3, 64, 96))}]


def test_a_fixed_input_gets_none(trt: fakes.Trt) -> None:
    opened()
    assert trt.built[0]["profiles"] == []


def test_half_precision_is_asked_for_where_the_api_has_it(trt: fakes.Trt) -> None:
    assert opened().fingerprint["precision"] == "fp16"
    assert opened(precision="fp32").fingerprint["precision"] == "fp32"
    assert [built["flags"] for built in trt.built] == [["FP16"], []]


def test_tensorrt_11_takes_the_graphs_own_types(monkeypatch: pytest.MonkeyPatch) -> None:
    trt = fakes.install(monkeypatch, "11.4.0")
    assert opened().fingerprint["precision"] == "as exported"
    assert trt.built[0]["flags"] == []


def test_a_model_that_quantises_itself_may_count_in_int8(trt: fakes.Trt, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer writes the ranges into the graph: nothing is calibrated on a box."""
    engine = opened(model=quantised())
    assert trt.built[0]["flags"] == ["FP16", "INT8"]
    assert opened(model=quantised(), precision="fp32").run(ZEROS + 0.5)[0].max() == 0.5
    assert trt.built[1]["flags"] == ["INT8"]
    engine.close()
    later = fakes.install(monkeypatch, "11.4.0")  # where the graph's own types are all there is
    opened(model=quantised())
    assert later.built[0]["flags"] == []


def test_the_dla_is_used_where_its_owner_says_so(trt: fakes.Trt, tmp_path: Path) -> None:
    trt.dla_cores = 2
    opened(tmp_path)
    for _ in range(2):
        opened(tmp_path, dla_core=1)
    assert [built["device"] for built in trt.built] == [("GPU", -1), ("DLA", 1)], "a plan of its own, kept"
    assert trt.loaded_for == [None, 1, 1]
    assert trt.built[1]["flags"] == ["FP16", "GPU_FALLBACK"]


def test_a_model_of_many_sizes_and_a_dla_that_is_not_there_are_named(trt: fakes.Trt) -> None:
    with pytest.raises(BundleError, match="a DLA takes one size of pictures"):
        opened(model=times_two(), spec=OPEN, dla_core=0)
    with pytest.raises(HardwareError, match="no DLA core 0, this box has 0; correct dla_core"):
        opened(dla_core=0)


def quantised() -> bytes:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 32, 64]) for name in ("image", "out")]
    values = [numpy_helper.from_array(np.array(0.5, np.float32), "scale"), numpy_helper.from_array(np.array(0, np.int8), "zero")]
    nodes = [
        helper.make_node("QuantizeLinear", ["image", "scale", "zero"], ["small"]),
        helper.make_node("DequantizeLinear", ["small", "scale", "zero"], ["out"]),
    ]
    graph = helper.make_graph(nodes, "quantised", ends[:1], ends[1:], values)
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString())


def test_the_builder_is_held_to_its_memory(trt: fakes.Trt) -> None:
    opened(workspace_mib=64)
    assert trt.built[0]["pools"] == {"WORKSPACE": 64 << 20}


def test_a_plan_is_built_once_and_kept_with_its_hash(trt: fakes.Trt, tmp_path: Path) -> None:
    first = opened(tmp_path)
    assert np.array_equal(first.run(ZEROS)[0], opened(tmp_path).run(ZEROS)[0])
    assert len(trt.built) == 1
    said = json.loads((kept(tmp_path) / "plan.json").read_text())
    assert said["sha256"] == hashlib.sha256((kept(tmp_path) / "plan").read_bytes()).hexdigest()
    assert said["gpu"] == "Fake Orin sm87 8192 MiB" and said["tensorrt"] == "10.3.0"


def test_where_a_plan_is_kept_the_model_is_not_even_read(trt: fakes.Trt, tmp_path: Path) -> None:
    opened(tmp_path)

    def read() -> bytes:
        raise AssertionError("half a gigabyte, for its hash alone, which bundle.json has")

    engine = TensorrtEngine(Model(hashlib.sha256(MODEL).hexdigest(), read), FIXED, TensorrtOptions(), tmp_path)
    assert np.array_equal(engine.run(ZEROS)[0], 2 * ZEROS)
    assert len(trt.built) == 1


@pytest.mark.parametrize("change", [{"precision": "fp32"}, {"workspace_mib": 99}])
def test_another_setting_is_another_plan(trt: fakes.Trt, tmp_path: Path, change: dict[str, Any]) -> None:
    opened(tmp_path)
    opened(tmp_path, **change)
    assert len(trt.built) == 2


def test_another_version_or_model_is_another_plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fakes.install(monkeypatch)
    opened(tmp_path)
    later = fakes.install(monkeypatch, "10.7.0")
    opened(tmp_path)
    opened(tmp_path, times_two("float16", (1, 3, 32, 64)), Input(name="image", dtype="float16", layout="nchw", size=(32, 64)))
    assert len(later.built) == 2


def spoil(folder: Path, case: str) -> None:
    plan, said = folder / "plan", folder / "plan.json"
    if case == "a byte":
        plan.write_bytes(plan.read_bytes()[:-1] + b"?")
    elif case == "no hash":
        said.unlink()
    elif case == "half a hash file":
        said.write_text(said.read_text()[:20])
    elif case == "a hash file of nothing":
        said.write_text("[]")
    elif case == "another hash":
        said.write_text(json.dumps({**json.loads(said.read_text()), "sha256": "0" * 64}))


@pytest.mark.parametrize("case", ["a byte", "no hash", "half a hash file", "a hash file of nothing", "another hash"])
def test_a_plan_whose_hash_is_not_right_is_never_given_to_tensorrt(
    trt: fakes.Trt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    opened(tmp_path)
    before = (kept(tmp_path) / "plan").read_bytes()
    spoil(kept(tmp_path), case)
    given: list[bytes] = []
    runtime = sys.modules["tensorrt"].Runtime
    real = runtime.deserialize_cuda_engine
    monkeypatch.setattr(runtime, "deserialize_cuda_engine", lambda self, plan: given.append(bytes(plan)) or real(self, plan))
    assert len(opened(tmp_path).run(ZEROS)) == 2
    assert given == [before] and len(trt.built) == 2  # built anew, and only that one loaded
    opened(tmp_path)
    assert len(trt.built) == 2  # and kept again


def test_a_kept_plan_that_tensorrt_refuses_is_built_once_more(trt: fakes.Trt, tmp_path: Path) -> None:
    opened(tmp_path)
    plan = kept(tmp_path) / "plan"
    other = plan.read_bytes().replace(b"10.3.0", b"10.0.0")
    key = kept(tmp_path).name
    plan_cache.PlanCache(tmp_path).save(key, other, {})
    assert len(opened(tmp_path).run(ZEROS)) == 2
    assert len(trt.built) == 2 and plan.read_bytes() != other


def test_a_plan_that_is_refused_when_new_is_a_bundle_error_and_is_not_kept(trt: fakes.Trt, tmp_path: Path) -> None:
    trt.refuse_all_plans = True
    with pytest.raises(BundleError, match=r"TensorRT 10\.3\.0 refuses the plan it built; choose engine onnx"):
        opened(tmp_path)
    assert not list(tmp_path.glob("*/plan"))
    assert trt.device.references == 0


def test_a_build_that_fails_is_a_bundle_error(trt: fakes.Trt) -> None:
    trt.build_fails = True
    with pytest.raises(BundleError, match="no plan could be built"):
        opened()
    assert trt.device.references == 0


def test_what_the_parser_says_is_passed_on(trt: fakes.Trt) -> None:
    trt.parse_errors = ["no importer for Foo", "node 7", "third", "fourth"]
    with pytest.raises(BundleError, match="does not read the model: no importer for Foo; node 7; third; choose"):
        opened()


def test_an_input_that_is_not_the_bundles_is_refused(trt: fakes.Trt) -> None:
    with pytest.raises(BundleError, match=r"input image takes \(1, 3, 32, 64\), bundle\.json says \(1, 3, 64, 96\)"):
        opened(spec=OPEN)


def test_a_shape_outside_the_profile_is_refused_and_the_next_one_serves(trt: fakes.Trt) -> None:
    engine = opened(model=times_two(), spec=OPEN)
    with pytest.raises(BundleError, match=r"\(1, 3, 128, 96\) lies outside the shapes of the plan"):
        engine.run(np.zeros((1, 3, 128, 96), np.float32))
    assert engine.run(ZEROS)[0].shape == ZEROS.shape


def test_outputs_whose_size_the_picture_decides_are_refused(trt: fakes.Trt) -> None:
    engine = opened()
    trt.unknown_output_size = True
    with pytest.raises(BundleError, match="the size of double depends on the picture"):
        engine.run(ZEROS)


def test_a_shape_refused_half_way_does_not_stay_with_the_context(trt: fakes.Trt) -> None:
    engine = opened(model=times_two(), spec=OPEN)
    engine.run(ZEROS)
    trt.unknown_output_size = True
    with pytest.raises(BundleError, match="depends on the picture"):
        engine.run(np.zeros((1, 3, 64, 96), np.float32))
    trt.unknown_output_size = False
    assert engine.run(ZEROS + 1)[0].tolist() == (2 * (ZEROS + 1)).tolist()


def test_timing_of_earlier_builds_is_used_and_that_of_another_gpu_is_not(trt: fakes.Trt, tmp_path: Path) -> None:
    opened(tmp_path)
    opened(tmp_path, precision="fp32")
    assert trt.timing_given == [b"", b"+"]
    (tmp_path / "timing.cache").write_bytes(b"other gpu")
    opened(tmp_path, workspace_mib=64)
    assert trt.timing_given[2:] == [b"other gpu", b""]
    assert (tmp_path / "timing.cache").read_bytes() == b"+"


def test_a_disk_that_keeps_nothing_is_no_reason_not_to_run(trt: fakes.Trt, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert len(opened(tmp_path / "file" / "plans").run(ZEROS)) == 2


def test_memory_is_reused_and_given_back(trt: fakes.Trt) -> None:
    engine = opened(model=times_two(), spec=OPEN)
    engine.run(np.zeros((1, 3, 64, 96), np.float32))
    held = set(trt.device.memory)
    engine.run(ZEROS)
    engine.run(np.ones((1, 3, 64, 96), np.float32))
    assert set(trt.device.memory) == held and len(held) == 3
    engine.close()
    assert trt.device.memory == {} and trt.device.references == 0


def test_a_run_that_does_not_start_is_a_hardware_error(trt: fakes.Trt) -> None:
    engine = opened()
    trt.run_fails = True
    with pytest.raises(HardwareError, match="could not be started"):
        engine.run(ZEROS)


def test_a_model_too_large_for_the_gpu_is_a_hardware_error(trt: fakes.Trt) -> None:
    trt.no_memory = True
    with pytest.raises(HardwareError, match="no memory for the model's activations"):
        opened()
    assert trt.device.references == 0


def test_a_gpu_that_hangs_is_a_timeout_and_serves_again_when_it_wakes(trt: fakes.Trt) -> None:
    engine = opened(timeout_ms=20)
    engine.run(ZEROS)
    trt.device.stuck = True
    for _ in range(2):
        with pytest.raises(TimeoutError, match="no answer within 20 ms"):
            engine.run(ZEROS)
    trt.device.stuck = False
    assert engine.run(ZEROS + 3)[0].max() == 6


def test_an_error_of_cuda_is_a_hardware_error(trt: fakes.Trt) -> None:
    engine = opened()
    engine.run(ZEROS)
    trt.device.memory.clear()
    with pytest.raises(HardwareError, match="CUDA failed: illegal memory access"):
        engine.run(ZEROS)


def test_without_tensorrt_the_owner_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(HardwareError, match=r"TensorRT is not usable: .*; install JetPack's or choose engine onnx"):
        opened()


def test_a_tensorrt_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch, "8.6.1")
    with pytest.raises(HardwareError, match=r"TensorRT 8\.6\.1 is too old"):
        opened()


def test_without_pycuda_or_a_gpu_the_owner_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch)
    with pytest.raises(HardwareError, match=r"no CUDA device 3: .*invalid device ordinal; choose engine onnx"):
        PycudaBuffers(3)
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    with pytest.raises(HardwareError, match="pycuda is not usable"):
        PycudaBuffers()


def test_a_bundle_runs_on_it_from_picture_to_boxes(trt: fakes.Trt, tmp_path: Path) -> None:
    stored = white_box_bundle(tmp_path / "b", input={"name": "image", "size": (320, 320), "multiple": 32})
    detector = open_detector(stored, "tensorrt", work=tmp_path / "plans", options={"precision": "fp32"})
    planes = BgrPlanes(scene(1920, 1080, (400, 300, 900, 700)))
    here = detector.detect(planes)
    assert here.xyxy.tolist() == open_detector(stored).detect(planes).xyxy.tolist() != []
    detector.close()
    assert trt.device.references == 0
