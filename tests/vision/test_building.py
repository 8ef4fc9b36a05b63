"""An engine that compiles, built in a process of its own: how far it is, how it ends; the GPU there is a fake true to its order."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest

from contracts.errors import BundleError, HardwareError
from tests.vision.bundles import white_box_bundle
from tests.vision.engines.fakes import lay
from vision.building import build, compiles
from vision.bundle import StoredBundle
from vision.tryout import OverBudget


@pytest.fixture
def stored(tmp_path: Path) -> StoredBundle:
    return white_box_bundle(tmp_path / "b.vdb")


@pytest.fixture
def gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(lay(tmp_path / "modules"))
    return tmp_path / "modules"


def gone(gpu: Path) -> bool:
    return not Path(f"/proc/{(gpu / 'pid').read_text()}").exists()


def test_only_what_compiles_is_built() -> None:
    assert (compiles("onnx"), compiles("tensorrt")) == (False, True)


def test_it_is_built_once_with_progress_and_kept(stored: StoredBundle, gpu: Path, tmp_path: Path) -> None:
    said = [step.percent for step in build(stored, "tensorrt", tmp_path / "engines", 60)]
    known = [percent for percent in said if percent is not None]
    assert known == sorted(known) and known[-1] == 100
    assert len(list((tmp_path / "engines").glob("*/plan"))) == 1
    assert [step.percent for step in build(stored, "tensorrt", tmp_path / "engines", 60) if step.percent is not None] == []


def test_who_lets_go_of_it_ends_it(stored: StoredBundle, gpu: Path, tmp_path: Path) -> None:
    (gpu / "hang").touch()
    with closing(build(stored, "tensorrt", tmp_path / "engines", 60)) as steps:
        far = next(step for step in steps if step.percent)
        assert far.percent == 25 and far.left_s is not None and far.left_s > 0
        assert not gone(gpu)
    assert gone(gpu)
    assert not list((tmp_path / "engines").glob("*/plan"))


def test_what_takes_too_long_is_over_its_budget(stored: StoredBundle, gpu: Path, tmp_path: Path) -> None:
    (gpu / "hang").touch()
    waiting = threading.Event()
    with pytest.raises(OverBudget, match=r"engine tensorrt is not built within \d"):
        for _ in build(stored, "tensorrt", tmp_path / "engines", 1):
            waiting.wait(0.01)
    assert not (gpu / "pid").exists() or gone(gpu)


def test_a_builder_that_dies_is_the_bundles_fault_and_leaves_nothing(stored: StoredBundle, gpu: Path, tmp_path: Path) -> None:
    (gpu / "die").touch()
    with pytest.raises(BundleError, match="killed by signal 6"):
        list(build(stored, "tensorrt", tmp_path / "engines", 60))
    assert not list((tmp_path / "engines").glob("*/plan"))


def test_a_box_without_tensorrt_is_told(stored: StoredBundle, gpu: Path, tmp_path: Path) -> None:
    (gpu / "tensorrt.py").write_text("raise ImportError('libnvinfer.so.10: no such file')\n")
    with pytest.raises(HardwareError, match=r"libnvinfer\.so\.10: no such file; install JetPack's or choose engine onnx"):
        list(build(stored, "tensorrt", tmp_path / "engines", 60))
