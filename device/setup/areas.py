"""Areas: zones and masks of a camera, between the picture they are drawn on and the keys of the configuration that hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from device.hiding import copied
from device.masks import masks_of
from device.pipeline.zone import simple_polygon
from device.problems import Loc
from device.settings import Settings
from device.web.setup_owner import AreaGiven, AreasGiven

GATE = "motion_gate"
Changes = dict[str, Any]


def gate_of(settings: Settings) -> str:
    """The stage that leaves out where motion does not count; empty where the profile has none."""
    return next((name for name, stage in settings.pipeline.items() if stage.use == GATE), "")


def shown(settings: Settings, camera: str) -> dict[str, Any]:
    gate = settings.pipeline.get(gate_of(settings))
    ignored = ((gate.model_extra or {}).get("masks") or {}).get(camera, ()) if gate else ()
    return {
        "zones": {name: [list(point) for point in zone.points] for name, zone in settings.cameras[camera].zones.items()},
        "masks": [[list(point) for point in outline] for outline in masks_of(settings, camera)],
        "copied": copied(settings, camera),
        "ignored": [[list(point) for point in outline] for outline in ignored],
    }


def changes(settings: Settings, camera: str, given: AreasGiven) -> Changes:
    """What is to be written; zones that are no longer there are null. ValueError for one that bounds no area."""
    for area in (*given.zones.values(), *given.masks, *given.ignored):
        simple_polygon(area.points)
    now = shown(settings, camera)
    zones: Changes = {name: {"points": _points(area)} for name, area in given.zones.items() if now["zones"].get(name) != _points(area)}
    zones |= {name: None for name in now["zones"] if name not in given.zones}
    own: Changes = {"zones": zones} if zones else {}
    found: Changes = {}
    if (masks := _outlines(given.masks)) != now["masks"]:
        own["masks"] = masks
        found = _not_twice(settings, camera)
    if own:
        found["cameras"] = {camera: own}
    if (ignored := _outlines(given.ignored)) != now["ignored"] and (gate := gate_of(settings)):
        found["pipeline"] = {gate: {"masks": {camera: ignored}}}
    return found


def _not_twice(settings: Settings, camera: str) -> Changes:
    """Where masks stood before a camera had its own, they are taken out."""
    return {"export": {"masks": {camera: None}}} if camera in settings.export.masks else {}


def _points(area: AreaGiven) -> list[list[float]]:
    return [list(point) for point in area.points]


def _outlines(areas: Sequence[AreaGiven]) -> list[list[list[float]]]:
    return [_points(area) for area in areas]


def of_the_place(settings: Settings, camera: str) -> Changes:
    """What a camera of another kind in the same place keeps."""
    now, masks = shown(settings, camera), settings.cameras[camera].masks
    kept: Changes = {"zones": {name: {"points": points} for name, points in now["zones"].items()}}
    return kept if masks is None else {**kept, "masks": now["masks"]}


def without(settings: Settings, camera: str) -> Changes:
    """A camera that goes takes its masks with it: one of a camera that is not there would be a fault."""
    found: Changes = {"cameras": {camera: None}, **_not_twice(settings, camera)}
    now = shown(settings, camera)
    if now["ignored"]:
        found["pipeline"] = {gate_of(settings): {"masks": {camera: []}}}
    return found


def of_profile(said: Mapping[str, Any]) -> list[Loc]:
    """What the page said of stages: they are a profile's own, and another one may not have them."""
    stages = said.get("pipeline")
    return [("pipeline", name) for name in stages] if isinstance(stages, Mapping) else []
