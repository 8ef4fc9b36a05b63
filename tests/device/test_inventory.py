"""What this box says of itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from device import inventory
from device.clock import SystemClock
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.sight import build, open_sources
from tests.device.test_probes import box
from vision.types import Scene


def test_where_pictures_come_from_is_said_without_the_user() -> None:
    assert inventory.address({"url": "rtsp://me:p@ss@10.0.0.5:554/stream1"}) == "rtsp://10.0.0.5:554/stream1"
    assert inventory.address({"path": Path("/dev/video0")}) == "/dev/video0"
    pipeline = "rtspsrc location=rtsp://a:hunter2@h user-id=a user-pw=hunter2x ! rtph264depay"
    assert inventory.address({"pipeline": pipeline}) == "rtspsrc location=rtsp://h user-id=a user-pw=*** ! rtph264depay"
    assert inventory.address({}) == ""


def test_log_header_and_info_name_model_and_engine(tmp_path: Path) -> None:
    loaded = box(tmp_path, cameras={"yard": {"use": "pattern", "pace": "realtime"}})
    clock = SystemClock()
    sight = build(loaded, open_sources(loaded, clock), [], clock=clock, board=Board(), tally=Tally())
    header = inventory.header(loaded, sight.stages, clock, "yard", source_digest="sha256:00")
    info = inventory.info(loaded, sight.stages)
    sight.close()
    assert header.model == info.model and str(header.model).startswith("sha256:")
    assert header.config_hash == info.config_hash == loaded.digest()
    (of_detect,) = (known for name, known in header.stages.items() if "model" in known)
    assert of_detect == {"model": header.model, **json.loads(header.engine)}
    assert "graph_level" in of_detect
    assert json.loads(header.engine) and (header.source, header.source_digest) == ("yard", "sha256:00")
    assert info.cameras["yard"].use == "pattern" and "onnx" in info.backends and info.versions["numpy"]


class Pictures:
    """A stage that looks by pictures it was given, without a model."""

    frame_only = True

    def __init__(self, digest: str) -> None:
        self.fingerprint = {"templates": digest}

    def __call__(self, scene: Scene) -> Scene:
        return scene


def test_a_profile_without_a_model_is_named_by_the_pictures_it_looks_with() -> None:
    one, same, other = (inventory.model_digest({"match": Pictures(digest)}) for digest in ("a", "a", "b"))
    assert one == same != other
    assert str(one).startswith("sha256:") and len(str(one)) == 71
    assert inventory.model_digest({"confirm": lambda scene: scene}) is None
    assert inventory.engine_fingerprint({"match": Pictures("a")}) == ""


def test_every_stage_that_depends_on_more_than_its_options_is_in_the_log() -> None:
    stages = {"match": Pictures("a"), "plain": lambda scene: scene, "more": Pictures("b")}
    assert inventory.stage_fingerprints(stages) == {"match": {"templates": "a"}, "more": {"templates": "b"}}


def test_a_jetson_says_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "BOARD", tmp_path / "model")
    assert inventory.board()
    (tmp_path / "model").write_bytes(b"NVIDIA Jetson Orin Nano Developer Kit\0")
    assert inventory.board() == "NVIDIA Jetson Orin Nano Developer Kit"
