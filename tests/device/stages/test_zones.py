"""Who is in which zone, and from when on."""

from __future__ import annotations

import numpy as np

from device.pipeline.zone import Zone
from device.stages.zones import Zones
from tests.device.stages.world import MS, S, boxes, context, end, scene

RIGHT_HALF = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
LOWER_HALF = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))


def at(x: float, y: float, label: int = 0) -> tuple[float, ...]:
    """A box whose foot is there."""
    return (x - 20, y - 100, x + 20, y, 0.9, label)


def looks(stage: Zones, rows: list[tuple[float, ...]], track: int = 1) -> list[tuple[str, ...]]:
    found = [boxes(row, track=np.array([track])) for row in rows]
    return [stage(scene(n * 200 * MS, each)).detections.data["zones"][0] for n, each in enumerate(found)]


def stage(**zones: Zone) -> Zones:
    return Zones(Zones.Options(), context({"left": zones}))


def test_a_zone_is_entered_after_three_looks_and_left_at_once() -> None:
    path = [at(300, 200), at(330, 200), at(340, 200), at(350, 200), at(300, 200), at(330, 200)]
    assert looks(stage(right=Zone(points=RIGHT_HALF)), path) == [(), (), (), ("right",), (), ()]


def test_zones_may_lie_over_one_another() -> None:
    both = stage(right=Zone(points=RIGHT_HALF, inertia=1), low=Zone(points=LOWER_HALF, inertia=1))
    assert looks(both, [at(400, 300), at(400, 150), at(200, 300)]) == [("right", "low"), ("right",), ("low",)]


def test_the_foot_counts_or_the_middle_where_it_is_asked_for() -> None:
    foot, middle = Zone(points=LOWER_HALF, inertia=1), Zone(points=LOWER_HALF, inertia=1, anchor="center")
    assert looks(stage(foot=foot, middle=middle), [at(400, 200), at(400, 300)]) == [("foot",), ("foot", "middle")]


def test_only_the_classes_a_zone_asks_for_are_in_it() -> None:
    cars = stage(right=Zone(points=RIGHT_HALF, inertia=1, labels=("car",)))
    assert looks(cars, [at(400, 200, 0), at(400, 200, 1)]) == [(), ("right",)]


def test_a_look_without_an_answer_does_not_break_the_row() -> None:
    zones = stage(right=Zone(points=RIGHT_HALF, inertia=2))
    one = boxes(at(400, 200), track=np.array([1]))
    assert zones(scene(0, one)).detections.data["zones"][0] == ()
    assert len(zones(scene(200 * MS, boxes(status="error"))).detections.data["zones"]) == 0
    assert zones(scene(400 * MS, one)).detections.data["zones"][0] == ("right",)


def test_boxes_without_a_track_are_only_in_zones_without_inertia() -> None:
    zones = stage(slow=Zone(points=RIGHT_HALF, inertia=2), quick=Zone(points=RIGHT_HALF, inertia=1))
    assert looks(zones, [at(400, 200)] * 4, track=-1) == [("quick",)] * 4


def test_tracks_and_cameras_do_not_share_their_looks() -> None:
    zone = {"right": Zone(points=RIGHT_HALF, inertia=2)}
    zones = Zones(Zones.Options(), context({"left": zone, "right": zone}))
    seen = []
    for n, (camera, track) in enumerate((("left", 1), ("right", 1), ("left", 2), ("left", 1), ("right", 1))):
        found = boxes(at(400, 200), track=np.array([track]))
        seen.append(zones(scene(n * 100 * MS, found, camera=camera)).detections.data["zones"][0])
    assert seen == [(), (), (), ("right",), ("right",)]


def test_a_camera_without_zones_still_has_the_column() -> None:
    assert looks(stage(), [at(1, 1)]) == [()]


def test_tracks_of_long_ago_are_forgotten() -> None:
    zones = stage(right=Zone(points=RIGHT_HALF))
    for n in range(200):
        zones(scene(n * S, boxes(at(400, 200), track=np.array([n]))))
    assert len(zones._views["left"]._inside) < 70
    zones.finish(end(200 * S))
    assert not zones._views
