"""Measuring: rounds of packets, every picture counted, the whole way as it is configured."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from contracts.errors import ConfigError
from device.clock import SystemClock
from device.config import Loaded, load
from device.measuring import Rounds, Speed, decoding, read_packets, whole_way
from device.trial import Trial
from tests.scenarios.stage import FPS, config, film

CLOCK = SystemClock()


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film") / "film.mkv", [(0.0, 2.0)], 2.0)


@pytest.fixture(scope="module")
def loaded(street: Path) -> Loaded:
    camera = {"use": "file", "path": str(street), "zones": {"door": {"points": [[0, 0], [1, 0], [1, 1], [0, 1]]}}}
    return load(config(street.parent, camera))


def test_a_speed_is_frames_a_second_and_cpu_time_a_frame() -> None:
    speed = Speed(50, 2.0, 3.0)
    assert (speed.fps, speed.cpu_ms, speed.cores) == (25, 60, 1.5)


def test_packets_come_round_again_with_times_that_go_on(street: Path) -> None:
    packets = read_packets(street, CLOCK)
    assert len(packets) == 2 * FPS
    source = Rounds(packets, "yard")
    again = list(itertools.islice(source.packets(), 5 * len(packets)))
    assert all(a.pts_ns < b.pts_ns and a.seq + 1 == b.seq for a, b in itertools.pairwise(again))
    assert [p.stream.epoch for p in again[:: len(packets)]] == [0, 1, 2, 3, 4]
    assert {p.camera for p in again} == {"yard"}


def test_rounds_end_when_they_are_closed(street: Path) -> None:
    source = Rounds(read_packets(street, CLOCK))
    packets = source.packets()
    next(packets)
    source.close()
    assert list(packets) == []


def test_only_so_many_packets_are_read(street: Path) -> None:
    assert len(read_packets(street, CLOCK, most=7)) == 7


@pytest.mark.parametrize("threaded", [True, False])
def test_every_picture_is_decoded(street: Path, threaded: bool) -> None:
    packets = read_packets(street, CLOCK)
    speed = decoding(packets, 0.1, CLOCK, threaded=threaded)
    assert speed.frames > 0
    assert speed.cpu_s >= 0


def test_the_whole_way_looks_at_every_picture_and_finds_events(street: Path, loaded: Loaded) -> None:
    trial = Trial(loaded, street, CLOCK)
    way = trial.whole(0.5)
    assert way.dropped == 0
    assert way.events > 0
    assert way.speed.frames >= 2 * FPS
    assert {"decode", "inference", "track", "confirm"} <= way.stages.keys()
    assert way.stages["inference"].count == way.speed.frames


def test_a_trial_as_if_live_samples_as_configured(street: Path, loaded: Loaded) -> None:
    trial = Trial(loaded, street, CLOCK)
    way = trial.live(1.0)
    assert 1 <= way.speed.frames + way.dropped <= 2 * trial.detection_fps + 2
    assert way.stages["capture_to_result"].count == way.speed.frames


def test_a_pipeline_without_a_model_cannot_be_measured(street: Path, loaded: Loaded) -> None:
    bare = {name: plug for name, plug in loaded.stages.items() if name != "detect"}
    with pytest.raises(ConfigError, match="no stage has a model"):
        Trial(Loaded(loaded.settings, loaded.files, loaded.origins, loaded.sources, bare), street, CLOCK)


def test_a_crash_on_the_way_is_raised_and_leaves_no_worker(loaded: Loaded, street: Path) -> None:
    class Broken(Rounds):
        def packets(self) -> itertools.chain:  # type: ignore[override, type-arg]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        whole_way(loaded, Broken(read_packets(street, CLOCK), "yard"), 5, CLOCK)
