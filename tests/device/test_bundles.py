"""Which bundle a name means."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from contracts.errors import BundleError, ConfigError, HardwareError
from device.bundles import find_bundle, opener, reader_opener, workers
from device.config import Model, Settings
from tests.vision.bundles import scene, white_box_bundle
from tests.vision.text.models import bright_bundle, fetched, map_bundle
from vision.planes import BgrPlanes


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for folder in ("own", "data/models"):
        white_box_bundle(tmp_path / folder / "white", name="white")
    white_box_bundle(tmp_path / "data" / "models" / "packed.vdb", name="packed")
    return Settings(data=tmp_path / "data", model=Model(folders=[tmp_path / "own", tmp_path / "absent"]))


def test_the_configurations_folders_go_before_the_boxs_own_and_those_before_what_came_along(settings: Settings, tmp_path: Path) -> None:
    assert find_bundle("white", settings) == tmp_path / "own" / "white"
    assert find_bundle("packed", settings) == tmp_path / "data" / "models" / "packed.vdb"
    assert find_bundle("person-street", settings).name == "person-street"
    assert find_bundle(str(tmp_path / "own" / "white"), settings) == tmp_path / "own" / "white"


@pytest.mark.parametrize("name", ["whyte", "", ".", "..", "a\0b", "x" * 300, "/nowhere/at-all", "other.vdb", "/dev/null/x"])
def test_a_bundle_that_is_not_there_is_refused_and_what_is_there_is_named(name: str, settings: Settings) -> None:
    with pytest.raises(BundleError, match=r"correct pipeline\.detect\.bundle") as refused:
        find_bundle(name, settings)
    if "/" not in name and not name.endswith(".vdb"):
        assert all(known in str(refused.value) for known in ("packed, person-street, ", "white"))


def test_a_box_without_the_models_that_read_text_is_told_how_to_get_them(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.bundles.FETCHED", "nowhere")
    with pytest.raises(BundleError, match=r"run scripts/text_model\.py"):
        reader_opener(settings)("text-read", None)


def test_text_is_read_by_bundles_of_the_box(settings: Settings) -> None:
    bright_bundle(settings.data / "models" / "bright")
    map_bundle(settings.data / "models" / "map")
    line = reader_opener(settings)("bright", "map").line(np.full((48, 320, 3), 85, np.uint8))
    assert (line.text, line.box) == ("a", (0, 0, 320, 48))


@pytest.mark.reading
def test_text_is_read_by_what_was_fetched(settings: Settings) -> None:
    fetched("text-read")
    reader = reader_opener(settings)("text-read", "text-find")
    picture = cv2.imread(str(Path(__file__).resolve().parents[2] / "scripts" / "golden_text" / "score.png"))
    assert reader.line(np.asarray(picture, np.uint8)).text == "SCORE 1280"
    assert reader.lines(np.asarray(picture, np.uint8))[0].text == "SCORE 1280"


def test_as_many_frames_are_in_flight_as_cores_but_one_in_latency_mode() -> None:
    cores = len(os.sched_getaffinity(0))
    models = (Model(), Model(workers=3), Model(mode="latency"), Model(engine="tensorrt"))
    assert [workers(Settings(model=model)) for model in models] == [cores, 3, 1, 1]


def test_an_opened_bundle_looks(settings: Settings) -> None:
    detector = opener(settings)("white", 0.5)
    found = detector.detect(BgrPlanes(scene(192, 128, (20, 30, 80, 90))))
    assert [detector.labels[number] for number in found.class_id] == ["box"]
    detector.close()


def test_options_of_the_engine_are_the_owners_and_reach_the_trial_too(settings: Settings) -> None:
    wanted = settings.model.model_copy(update={"options": {"graph_level": "basic"}})
    detector = opener(settings.model_copy(update={"model": wanted}))("white", None)
    assert detector.engine.fingerprint["graph_level"] == "basic"
    detector.close()
    wrong = settings.model.model_copy(update={"options": {"providers": ["NoSuchProvider"]}})
    with pytest.raises(ConfigError, match="no provider NoSuchProvider in this ONNX Runtime"):
        opener(settings.model_copy(update={"model": wrong}))("white", None)
    unknown = settings.model.model_copy(update={"options": {"dla_core": 0}, "trial_s": 0})
    with pytest.raises(ConfigError, match="engine onnx: option dla_core"):
        opener(settings.model_copy(update={"model": unknown}))("white", None)


def test_where_the_engine_does_not_serve_onnx_runtime_does_and_says_so(settings: Settings) -> None:
    """There is no TensorRT where tests run; on a Jetson it may be gone after an update of the system."""
    other = settings.model_copy(update={"model": settings.model.model_copy(update={"engine": "tensorrt", "trial_s": 0})})
    said: list[str] = []
    detector = opener(other, said.append)("white", None)
    assert detector.engine.fingerprint["engine"] == "onnx"
    assert len(detector.detect(BgrPlanes(scene(192, 128, (20, 30, 80, 90)))).class_id) == 1
    detector.close()
    (words,) = said
    assert words.startswith("tensorrt does not serve, ONNX Runtime does meanwhile, slower: engine tensorrt: TensorRT is not usable")
    with pytest.raises(HardwareError, match="TensorRT is not usable"):
        opener(other)("white", None)


def test_a_bundle_at_fault_is_refused_by_every_engine(settings: Settings) -> None:
    (settings.data / "models" / "packed.vdb").write_bytes(b"torn")
    other = settings.model_copy(update={"model": settings.model.model_copy(update={"engine": "tensorrt"})})
    said: list[str] = []
    with pytest.raises(BundleError):
        opener(other, said.append)("packed", None)
    assert not said
