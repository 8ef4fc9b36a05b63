"""Key frames: which pictures, each camera's own, spread evenly over what there is room for; what they cost on the disk."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from contracts.takes import Detection
from device.export.film import Film
from device.export.key_frames import moments, spread
from device.export.verify import verify_session
from device.films import frames_of
from tests.device.record.sitting import Sitting

STEP = 40_000_000


def film(pictures: int) -> Film:
    return Film(tuple(n * STEP for n in range(pictures)), 0, 1_000 * STEP)


def seen(*frames: int) -> list[Detection]:
    return [Detection(frame_index=n, timestamp_ns=(1_000 + n) * STEP, u_px=1, v_px=1, radius_px=1, confidence=1) for n in frames]


def test_each_moment_is_the_picture_it_says() -> None:
    named, absent = moments(film(50), seen(20, 21, 30), (1_018 * STEP, 1_032 * STEP))
    assert named == {"pre_roll_first": 0, "pre_roll_last": 17, "first_detection": 20, "last_detection": 30, "post_roll_last": 49}
    assert {each.moment for each in absent} == {"release_point", "plate_crossing"}


def test_a_camera_that_saw_nothing_has_no_detection_to_show_and_says_so() -> None:
    named, absent = moments(film(50), [], (1_018 * STEP, 1_032 * STEP))
    assert set(named) == {"pre_roll_first", "pre_roll_last", "post_roll_last"}
    reasons = {each.moment: each.reason for each in absent}
    assert reasons["first_detection"] == "this camera detected nothing between start and end"


@given(st.integers(1, 400), st.integers(1, 20), st.integers(1, 5000), st.none() | st.integers(0, 10**6))
def test_steps_are_as_many_as_there_is_room_for_and_evenly_spread(pictures: int, step: int, size: int, most: int | None) -> None:
    steps = range(0, pictures, step)
    named = {0, pictures - 1}
    chosen = spread(steps, named, size, most)
    assert chosen <= set(steps)
    assert {index for index in steps if index in named} <= chosen
    costly = chosen - named
    if most is None:
        assert chosen == set(steps)
    else:
        assert len(costly) * size + len(named) * size <= most or not costly
    places = [n for n, index in enumerate(each for each in steps if each not in named) if index in costly]
    gaps = {b - a for a, b in pairwise(places)}
    assert max(gaps, default=0) - min(gaps, default=0) <= 1


def test_interval_pictures_stop_at_their_budget_and_the_manifest_says_how_many_were_left_out(tmp_path: Path) -> None:
    for percent in (0, 25, 400, None):
        sitting = Sitting(tmp_path / str(percent), frame_budget_percent=percent, frame_save_interval=1).play(((40, 60),), 90).stop()
        (folder,) = sitting.folders
        manifest = json.loads((folder / "manifest.json").read_text())
        assert not [f for f in verify_session(sitting.session, frames_of) if f.level == "error"]
        for clip in manifest["clips"]:
            said = manifest["frames"][clip["camera"]]
            names = {each["moment"]: each["file"] for each in said["key_frames"] if each["moment"] != "interval"}
            home = folder / "frames" / clip["camera"]
            on_disk = {path.stat().st_ino: path.stat().st_size for path in home.iterdir()}
            named = {(home / name).stat().st_ino for name in names.values()}
            interval = sum(size for number, size in on_disk.items() if number not in named)
            steps = sum(each["moment"] == "interval" for each in said["key_frames"])
            assert steps + said["left_out"] == clip["frames"]
            if percent is None:
                assert said["left_out"] == 0
            elif interval:
                assert sum(on_disk.values()) <= clip["bytes"] * percent // 100


def test_detections_and_observations_add_little_to_the_clips(tmp_path: Path) -> None:
    """What they cost a detection, for a guide's figure: clips of a real camera are some hundred times that a picture."""
    sitting = Sitting(tmp_path, save_training_frames=False).play(((40, 60),), 90).stop()
    (folder,) = sitting.folders
    files = [path for name in ("detections", "observations") for path in (folder / name).iterdir()]
    each = sum(path.stat().st_size for path in files) / 42
    assert each < 250, "bytes a detection"
    assert not (folder / "frames").exists()
