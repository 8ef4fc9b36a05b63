"""ONNX Runtime: what is pinned, and how its failures come out."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.errors import BundleError, ConfigError
from tests.vision.models import endless, times_two
from vision.engines.onnx import OnnxEngine, OnnxOptions


def test_provider_level_and_version_are_in_the_fingerprint() -> None:
    engine = OnnxEngine(times_two(), options=OnnxOptions(graph_level="basic", threads=2))
    assert engine.fingerprint["providers"] == "CPUExecutionProvider"
    assert engine.fingerprint["graph_level"] == "basic"
    assert engine.fingerprint["threads"] == "2"
    assert engine.fingerprint["library"] == f"onnxruntime {ort.__version__}"


@pytest.mark.parametrize(("spinning", "allowed"), [("off", "0"), ("on", "1")])
def test_the_session_is_set_up_as_the_options_say(monkeypatch: pytest.MonkeyPatch, spinning: Any, allowed: str) -> None:
    seen: list[ort.SessionOptions] = []
    real = ort.InferenceSession

    def session(model: bytes, settings: ort.SessionOptions, **more: Any) -> ort.InferenceSession:
        seen.append(settings)
        return real(model, settings, **more)

    monkeypatch.setattr(ort, "InferenceSession", session)
    OnnxEngine(times_two(), options=OnnxOptions(spinning=spinning))
    assert seen[0].intra_op_num_threads == seen[0].inter_op_num_threads == 1
    assert seen[0].graph_optimization_level == ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    assert seen[0].get_session_config_entry("session.intra_op.allow_spinning") == allowed


def test_a_provider_this_build_does_not_have_is_the_owners_mistake() -> None:
    with pytest.raises(ConfigError, match=r"no provider CUDAExecutionProvider in this ONNX Runtime; it has .*CPUExecutionProvider"):
        OnnxEngine(times_two(), options=OnnxOptions(providers=("CUDAExecutionProvider", "CPUExecutionProvider")))


def test_a_misspelt_option_is_an_error() -> None:
    with pytest.raises(ValidationError, match="thread_count"):
        OnnxOptions.model_validate({"thread_count": 2})


def test_a_run_that_takes_too_long_is_broken_off() -> None:
    engine = OnnxEngine(endless(1_000_000_000), options=OnnxOptions(timeout_ms=50))
    with pytest.raises(TimeoutError, match="no answer within 50 ms"):
        engine.run(np.zeros(1, np.float32))


def test_a_run_within_its_time_answers_and_the_limit_goes_with_it() -> None:
    engine = OnnxEngine(endless(100), options=OnnxOptions(timeout_ms=60_000))
    assert engine.run(np.array([5], np.float32))[0].tolist() == [105]
    assert engine.run(np.array([6], np.float32))[0].tolist() == [106]


@settings(max_examples=60)
@given(junk=st.binary(max_size=200))
def test_junk_is_no_model(junk: bytes) -> None:
    with pytest.raises(BundleError, match=r"the model cannot be loaded|one image input"):
        OnnxEngine(junk)


@settings(max_examples=60)
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
@example(at=3948, byte=128)
def test_a_model_with_a_spoilt_byte_loads_or_is_refused(at: int, byte: int) -> None:
    model = bytearray(times_two())
    model[at % len(model)] = byte
    try:
        OnnxEngine(bytes(model)).close()
    except BundleError as error:
        assert "engine onnx" in str(error)


def test_another_provider_never_takes_over_by_itself() -> None:
    session = OnnxEngine(times_two())._session
    assert session is not None
    assert session._enable_fallback is False
