"""From configuration to workers: which inbox, which gate, what goes together."""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import ConfigError, HardwareError
from device.clock import SystemClock
from device.pipeline.board import Board
from device.pipeline.channel import Channel, Closed, LatestFrames
from device.pipeline.passage import NoPlanes
from device.pipeline.tally import Tally
from device.sight import Sight, build, open_sources
from tests.device.site import Wide
from tests.device.test_probes import box
from vision.types import Frame

SITE = "tests.device.site"
PATTERN = {"use": "pattern", "width": 320, "height": 240}


def sight(folder: Path, **settings: Any) -> Sight:
    loaded = box(folder, **settings)
    clock = SystemClock()
    built = build(loaded, open_sources(loaded, clock), [], clock=clock, board=Board(), tally=Tally())
    built.close()
    return built


def test_a_live_camera_meets_the_newest_frame_and_a_file_a_channel_that_blocks(tmp_path: Path) -> None:
    live = sight(tmp_path, cameras={"yard": {**PATTERN, "pace": "realtime"}})
    filed = sight(tmp_path, cameras={"yard": {**PATTERN, "pace": "free", "seconds": 1}})
    assert isinstance(live.inbox, LatestFrames) and isinstance(filed.inbox, Channel)
    assert list(live.rings) == list(live.sources) == ["yard"]
    assert "motion" not in live.stages and live.detect() is live.stages["detect"], "the gate sits before the decoder"


def test_a_patient_box_lets_as_many_live_frames_wait_as_come_in_that_time(tmp_path: Path) -> None:
    cameras = {"yard": {**PATTERN, "pace": "realtime"}, "gate": {**PATTERN, "pace": "realtime", "detection_fps": 2}}
    inbox = sight(tmp_path, cameras=cameras, detection_fps=10, patience_ms=1500).inbox
    for seq in range(20):
        for camera in cameras:
            inbox.put(Frame(camera, seq, seq, seq, seq, NoPlanes()))
    inbox.close()
    waited = Counter(item.camera for item in iter(partial(taken, inbox), None))
    assert waited == {"yard": 16, "gate": 4}


def taken(inbox: Any) -> Any:
    try:
        return inbox.get(0)
    except Closed:
        return None


def test_files_that_are_read_freely_do_not_run_beside_live_cameras(tmp_path: Path) -> None:
    both = {"yard": {**PATTERN, "pace": "realtime"}, "film": {**PATTERN, "pace": "free", "seconds": 1}}
    with pytest.raises(ConfigError, match="give them pace: realtime"):
        sight(tmp_path, cameras=both)


def test_a_live_box_whose_gpu_does_not_serve_sees_on_and_health_says_so(tmp_path: Path) -> None:
    board, clock = Board(), SystemClock()
    model = {"engine": "tensorrt", "trial_s": 0, "folders": [str(tmp_path / "models")]}
    for pace, state in (("realtime", "degraded"), ("free", None)):
        loaded = box(tmp_path, cameras={"yard": {**PATTERN, "pace": pace, "seconds": 1}}, model=model)
        if state is None:  # a recording is looked at by what was asked for
            with pytest.raises(HardwareError, match="TensorRT is not usable"):
                build(loaded, open_sources(loaded, clock), [], clock=clock, board=Board(), tally=Tally())
            continue
        build(loaded, open_sources(loaded, clock), [], clock=clock, board=board, tally=Tally()).close()
        said = board.parts()["engine"]
        assert said.state == state
        assert "tensorrt does not serve, ONNX Runtime does meanwhile" in said.reason
        assert "install JetPack's" in said.reason


def test_when_a_later_stage_cannot_be_built_the_engine_before_it_is_closed(tmp_path: Path) -> None:
    stages = {"detect": {"use": f"{SITE}:Wide", "name": str(tmp_path)}, "mine": {"use": f"{SITE}:Unbuildable"}}
    cameras = {"yard": {**PATTERN, "pace": "realtime"}}
    with pytest.raises(KeyError):
        sight(tmp_path, cameras=cameras, pipeline=stages)
    assert Wide.closed[str(tmp_path)] == 1
    sight(tmp_path, cameras=cameras, pipeline={"detect": stages["detect"]})
    assert Wide.closed[str(tmp_path)] == 2, "and by `close` where all could be built"


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (
            {"use": f"{SITE}:Wide", "name": "more"},
            "pipeline.second: detect keeps several frames in flight already; leave out one of the two",
        ),
        ({"use": "motion_gate"}, "pipeline.second: motion closes the gate already; leave out one of the two"),
    ],
)
def test_what_there_can_be_one_of_is_refused_twice(second: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        sight(tmp_path, cameras={"yard": {**PATTERN, "pace": "realtime"}}, pipeline={"second": second})
