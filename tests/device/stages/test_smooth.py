"""Smoothing in media time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from device.stages.smooth import Smooth
from tests.device.stages.world import MS, S, boxes, context, end, scene


def smooth(**options: float) -> Smooth:
    return Smooth(Smooth.Options(**options), context())


def test_noise_shrinks_and_a_still_box_stays_where_it_is() -> None:
    stage, rng, seen = smooth(tau_ms=500), np.random.default_rng(0), []
    for n in range(200):
        row = np.array([100, 100, 140, 200]) + rng.normal(0, 4, 4)
        seen.append(stage(scene(n * 100 * MS, boxes((*row, 0.9, 0), track=np.array([7])))).detections.xyxy[0])
    late = np.array(seen[50:])
    assert late.std(axis=0).max() < 2
    assert late.mean(axis=0) == pytest.approx([100, 100, 140, 200], abs=1)


@pytest.mark.parametrize("fps", [2, 10, 30])
def test_a_step_is_followed_by_the_same_share_at_any_frame_rate(fps: int) -> None:
    stage = smooth(tau_ms=1000)
    for n in range(fps + 1):
        x = 100.0 if n == 0 else 200.0
        out = stage(scene(n * S // fps, boxes((x, 100, x + 40, 200, 0.9, 0), track=np.array([1]))))
    assert out.detections.xyxy[0, 0] == pytest.approx(200 - 100 * np.exp(-1), abs=0.01)


def test_a_box_that_moves_steadily_does_not_lag() -> None:
    stage = smooth(tau_ms=1000)
    for n in range(20):
        x = 100 + 60 * n * 0.1
        found = boxes((x, 100, x + 40, 200, 0.9, 0), track=np.array([1]), velocity=np.array([[60, 0]], np.float32))
        assert stage(scene(n * 100 * MS, found)).detections.xyxy[0, 0] == pytest.approx(x, abs=0.01)


def test_a_wavering_class_stays_and_a_lasting_change_comes_through() -> None:
    stage = smooth(label_tau_ms=1000)
    given = [0, 0, 0, 1, 0, 1, 0, 0] + [1] * 15
    scenes = [scene(n * 200 * MS, boxes((0, 0, 9, 9, 0.8, c), track=np.array([1]))) for n, c in enumerate(given)]
    said = [stage(each).detections.class_id[0] for each in scenes]
    assert said[:8] == [0] * 8
    assert said[-1] == 1
    assert sum(a != b for a, b in pairwise(said)) == 1


def test_without_a_time_constant_boxes_come_as_they_are() -> None:
    stage = smooth(tau_ms=0)
    for n, x in enumerate((0, 50, 7)):
        assert stage(scene(n * MS, boxes((x, 0, x + 9, 9, 0.5, 0), track=np.array([1])))).detections.xyxy[0, 0] == x


def test_boxes_of_no_track_and_scenes_without_tracks_pass_untouched() -> None:
    stage = smooth()
    for n, x in enumerate((0, 50)):
        assert stage(scene(n * MS, boxes((x, 0, x + 9, 9, 0.5, 0), track=np.array([-1])))).detections.xyxy[0, 0] == x
    bare = scene(S, boxes((0, 0, 9, 9, 0.5, 0)))
    assert stage(bare) is bare
    silent = scene(S, boxes(status="timeout", track=np.zeros(0, int)))
    assert stage(silent) is silent


def test_tracks_of_long_ago_and_of_an_ended_camera_are_forgotten() -> None:
    stage = smooth()
    for n in range(200):
        stage(scene(n * S, boxes((0, 0, 9, 9, 0.5, 0), track=np.array([n]))))
    assert len(stage._tracks["left"]) < 70
    assert stage.finish(end(S)) == ()
    assert not stage._tracks
