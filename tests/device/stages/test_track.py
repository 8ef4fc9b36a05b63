"""The tracker against rendered films whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.stages.track import Track
from tests.device.stages.world import HEIGHT, MS, WIDTH, Blank, Film, S, Walker, boxes, context, end, every, frame, line, run, scene
from vision.types import Scene


def tracker(fps: float = 5.0, **options: object) -> Track:
    return Track(Track.Options(**options), context(fps=fps))


def ids(track: Track, film: Film, times: Sequence[float]) -> dict[int, list[int]]:
    """For each walker the track of each of its boxes."""
    found: dict[int, list[int]] = {}
    for each, who in zip(film.scenes(times), film.truth, strict=False):
        for walker, number in zip(who, track(each).detections.data["track"].tolist(), strict=True):
            found.setdefault(walker, []).append(number)
    return found


def changes(numbers: Sequence[int]) -> int:
    return sum(a != b for a, b in pairwise(numbers))


def uneven(seconds: float, seed: int = 3) -> list[float]:
    """A camera of variable frame rate: 3 to 30 frames a second."""
    return np.cumsum(np.random.default_rng(seed).uniform(1 / 30, 1 / 3, int(seconds * 6))).round(4).tolist()


PASSING = (Walker(line(100, 250, 60)), Walker(line(540, 262, -60)))


@pytest.mark.parametrize("fps", [2, 5, 10, 30])
def test_two_people_who_pass_each_other_keep_their_numbers(fps: float) -> None:
    for seed in range(5):
        film = Film(PASSING, jitter_px=2, miss=0.05, seed=seed)
        found = ids(tracker(fps), film, every(fps, 7))
        assert [set(numbers) for numbers in found.values()] in ([{1}, {2}], [{2}, {1}])


def test_two_people_who_pass_each_other_keep_their_numbers_at_a_variable_frame_rate() -> None:
    found = ids(tracker(), Film(PASSING, jitter_px=2), uneven(7))
    assert [set(numbers) for numbers in found.values()] == [{1}, {2}]


def test_in_a_crowd_hardly_anybody_is_taken_for_another() -> None:
    rng = np.random.default_rng(0)
    switched = looks = 0
    for seed in range(5):
        walkers = [Walker(line(320 - 240 * d, 200 + 20 * k, rng.uniform(40, 80) * d)) for k in range(6) for d in ((-1) ** k,)]
        found = ids(tracker(), Film(walkers, jitter_px=2, miss=0.05, seed=seed), every(5, 8))
        switched += sum(changes(numbers) for numbers in found.values())
        looks += sum(map(len, found.values()))
    assert switched / looks < 0.01


def test_a_track_survives_two_seconds_behind_a_tree_and_not_three() -> None:
    walker = line(50, 200, 60)
    for hidden, expected in ((1.8, {1}), (3.0, {1, 2})):
        film = Film([Walker(walker, end=2.0), Walker(walker, begin=2.0 + hidden)])
        found = ids(tracker(max_lost_ms=2000), film, every(5, 8))
        assert {number for numbers in found.values() for number in numbers} == expected


def test_time_behind_the_closed_gate_and_without_answers_does_not_age_a_track() -> None:
    track = tracker()
    still = (100, 100, 140, 200, 0.9, 0)
    track(scene(0, boxes(still)))
    after_an_hour = track(scene(3600 * S, boxes(still)))
    assert after_an_hour.detections.data["track"].tolist() == [1]
    for n in range(1, 100):
        nothing = track(scene(3600 * S + n * 200 * MS, boxes(status="timeout")))
        assert nothing.detections.status == "timeout"
        assert len(nothing.detections.data["track"]) == 0
    assert track(scene(3620 * S, boxes(still))).detections.data["track"].tolist() == [1]


def test_an_empty_picture_ages_a_track_where_no_answer_does_not() -> None:
    track = tracker(max_lost_ms=1000)
    still = (100, 100, 140, 200, 0.9, 0)
    track(scene(0, boxes(still)))
    for n in range(1, 7):
        track(scene(n * 200 * MS, boxes()))
    assert track(scene(1400 * MS, boxes(still))).detections.data["track"].tolist() == [2]


def test_a_weak_box_keeps_a_track_and_never_begins_one() -> None:
    track = tracker(high_confidence=0.5)
    out = [
        track(scene(n * 200 * MS, boxes((100, 100, 140, 200, confidence, 0), (400, 100, 440, 200, 0.3, 0))))
        for n, confidence in enumerate((0.9, 0.2, 0.2, 0.2, 0.9))
    ]
    assert [each.detections.data["track"].tolist() for each in out] == [[1, -1]] * 5


def test_a_track_without_enough_hits_has_no_number_yet() -> None:
    track = tracker(min_hits=3)
    still = boxes((100, 100, 140, 200, 0.9, 0))
    assert [track(scene(n * 200 * MS, still)).detections.data["track"].tolist() for n in range(4)] == [[-1], [-1], [1], [1]]


def test_classes_are_kept_apart_unless_together_is_chosen() -> None:
    seen = [(100, 100, 140, 200, 0.9, 0), (100, 100, 140, 200, 0.9, 1)]
    for choice, expected in (("apart", [1, 2]), ("together", [1, 1])):
        track = tracker(classes=choice)
        assert [track(scene(n * 200 * MS, boxes(row))).detections.data["track"][0] for n, row in enumerate(seen)] == expected


def test_the_velocity_is_in_pixels_a_second_whatever_the_frame_rate() -> None:
    for times in (every(5, 4), every(30, 4), uneven(4)):
        scenes, _ = run([tracker()], Film([Walker(line(100, 200, 60, -10))]).scenes(times))
        assert scenes[-1].detections.data["velocity"][0] == pytest.approx([60, -10], abs=3)


def test_each_camera_counts_from_one_and_a_number_is_not_used_again_after_its_end() -> None:
    track = tracker()
    still = boxes((100, 100, 140, 200, 0.9, 0))
    assert track(scene(0, still, camera="left")).detections.data["track"].tolist() == [1]
    assert track(scene(0, still, camera="right")).detections.data["track"].tolist() == [1]
    assert track.finish(end(S, "left")) == ()
    assert track(scene(2 * S, still, camera="left")).detections.data["track"].tolist() == [2]
    assert track(scene(200 * MS, still, camera="right")).detections.data["track"].tolist() == [1]


def test_two_cameras_interleaved_get_what_each_gets_alone() -> None:
    films = [Film(PASSING, jitter_px=2, seed=n) for n in (1, 2)]
    alone = [run([tracker()], film.scenes(every(5, 6), camera))[0] for film, camera in zip(films, ("left", "right"), strict=True)]
    both = [film.scenes(every(5, 6), camera) for film, camera in zip(films, ("left", "right"), strict=True)]
    shared, _ = run([tracker()], (each for pair in zip(*both, strict=True) for each in pair))
    for camera, expected in zip(("left", "right"), alone, strict=True):
        mine = [each for each in shared if each.frame.camera == camera]
        assert [m.detections.data["track"].tolist() for m in mine] == [e.detections.data["track"].tolist() for e in expected]


def test_thousands_of_boxes_a_frame_are_bounded_and_counted() -> None:
    about = context()
    track = Track(Track.Options(max_tracks=100), about)
    rng = np.random.default_rng(0)
    for n in range(5):
        corner = rng.uniform(0, 300, (3000, 2))
        rows = np.column_stack([corner, corner + rng.uniform(1, 40, (3000, 2)), rng.uniform(0.5, 1, 3000), np.zeros(3000)])
        out = track(scene(n * 200 * MS, boxes(*rows)))
        assert len(out.detections) == 100
    assert about.tally.get("left", "boxes_refused", "too many") == 5 * 2900


box = st.tuples(
    st.integers(0, WIDTH - 60), st.integers(0, HEIGHT - 60), st.integers(5, 60), st.integers(5, 60), st.integers(0, 100), st.integers(0, 1)
).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3], b[4] / 100, b[5]))
films = st.lists(st.tuples(st.integers(-100, 2500), st.lists(box, max_size=8), st.sampled_from(["ok", "ok", "ok", "timeout"])), max_size=12)


@settings(max_examples=60)
@given(films, st.randoms(use_true_random=False))
def test_numbers_are_unique_never_come_back_and_do_not_depend_on_the_order_of_boxes(film: list, shuffle: object) -> None:
    one, other, pts, living, gone = tracker(), tracker(), 0, set(), set()
    for step, rows, status in film:
        pts += step * MS
        rows = [] if status != "ok" else rows
        shuffled = list(rows)
        shuffle.shuffle(shuffled)  # type: ignore[attr-defined]
        seen = one(scene(pts, boxes(*rows, status=status))).detections
        turned = other(scene(pts, boxes(*shuffled, status=status))).detections
        assert sorted(zip(map(tuple, seen.xyxy.tolist()), seen.confidence.tolist(), seen.data["track"].tolist(), strict=True)) == sorted(
            zip(map(tuple, turned.xyxy.tolist()), turned.confidence.tolist(), turned.data["track"].tolist(), strict=True)
        )
        numbers = [n for n in seen.data["track"].tolist() if n >= 0]
        assert len(set(numbers)) == len(numbers)
        assert all(n >= 1 for n in numbers)
        now = set(one._views["left"]._tracks.id.tolist()) | set(numbers)
        gone |= living - now
        living = now
        assert not gone & living
        assert np.isfinite(seen.data["velocity"]).all()


def test_a_camera_set_to_another_size_shows_the_same_things_at_the_same_part_of_its_pictures() -> None:
    track = tracker()

    def seen(n: int, box: tuple[float, ...], times: int) -> list[int]:
        planes = Blank(WIDTH * times, HEIGHT * times)
        found = boxes((*(float(v) for v in box), 0.9, 0))
        looked = track(Scene(frame(n * 200 * MS, planes=planes), found, ("person",)))
        return list(looked.detections.data["track"].tolist())

    assert [seen(n, (100 + 5 * n, 50, 130 + 5 * n, 130), 1) for n in range(10)] == [[1]] * 10
    assert seen(10, (300, 100, 360, 260), 2) == [1], "where it was to be expected"
    assert seen(11, (155, 50, 185, 130), 2) == [2], "the old place in pixels is another place"
