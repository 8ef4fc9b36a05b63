"""Sightings: an event's thing is found by its track, on its own camera only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contracts.event import Event
from device.pipeline.sightings import sightings
from tests.device.web.fakes import event_at
from vision.planes import BgrPlanes
from vision.types import Detections, Frame, Scene


@dataclass(frozen=True)
class Told:
    event: Event


def scene(tracks: list[int] | None) -> Scene:
    n = len(tracks or [])
    boxes = Detections(np.zeros((n, 4), np.float32), np.ones(n, np.float32), np.zeros(n, np.int32))
    found = boxes if tracks is None else boxes.with_data(track=np.array(tracks))
    return Scene(Frame("yard", 0, 0, 0, 0, BgrPlanes(np.zeros((8, 8, 3), np.uint8))), found)


def told(camera: str, track: int | None) -> Told:
    return Told(event_at(camera, 1, 0).model_copy(update={"track": track}))


def test_each_whose_track_is_in_the_scene_is_found_with_its_row() -> None:
    here, gone, elsewhere, none = told("yard", 7), told("yard", 8), told("street", 7), told("yard", None)
    assert list(sightings(scene([3, 7]), [here, gone, elsewhere, none])) == [(here, 1)]


def test_without_tracks_nobody_is_found() -> None:
    assert list(sightings(scene(None), [told("yard", 7)])) == []
