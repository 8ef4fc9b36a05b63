"""Said: what a scene says, in the words of a data set: its boxes as marks, its zones and states as states."""

from __future__ import annotations

from contracts.dataset import Region
from contracts.wire import utc_from_ns
from dataset.about import About
from dataset.bounds import ItemError, check_name
from dataset.marks import Mark, cut
from device.export.choice import Pick
from vision.types import Scene


def marks_of(scene: Scene) -> list[Mark]:
    """The boxes, to a hundredth of a pixel; those of which nothing is in the picture are left out."""
    found, planes = scene.detections, scene.frame.planes
    tracks, sources = found.data.get("track"), found.data.get("source")
    marks = []
    for row, (x1, y1, x2, y2) in enumerate(found.xyxy.tolist()):
        bbox = cut((x1, y1, x2 - x1, y2 - y1), planes.width, planes.height)
        label = label_of(scene, int(found.class_id[row]))
        if bbox is not None:
            track = int(tracks[row]) if tracks is not None and int(tracks[row]) >= 0 else None
            source = str(sources[row]) if sources is not None and sources[row] else "detection"
            marks.append(Mark(label, bbox, round(float(found.confidence[row]), 4), source, track=track))
    return marks


def label_of(scene: Scene, number: int) -> str:
    """A model's label may be anything; one that no format can carry is called by its number."""
    try:
        label = scene.labels[number]
        check_name(label, "label")
    except (IndexError, ItemError):
        return f"class {number}"
    return label


def states_of(scene: Scene) -> tuple[str, ...]:
    """Zones that something is in, and whatever states the pipeline's stages say are active."""
    zones = {str(zone) for names in scene.detections.data.get("zones", ()) for zone in names}
    stated = scene.features.get("states", ())
    states = zones | ({str(state) for state in stated} if isinstance(stated, (tuple, list, set, frozenset)) else set())
    return tuple(sorted(state[:128] for state in states if state))


def about_of(pick: Pick, session: str, ignore: tuple[Region, ...]) -> About:
    """What a picture is kept for."""
    scene, event = pick.scene, pick.event
    return About(
        timestamp=utc_from_ns(scene.frame.wall_ns),
        source=scene.frame.camera,
        action_type=event.kind if event else "sample",
        action_id=str(event.id) if event else "",
        active_states=states_of(scene),
        success=scene.detections.status == "ok",
        ignore=ignore,
        reason=pick.reason,
        sampling_probability=pick.probability,
        session=session,
        pts_ns=scene.frame.pts_ns,
        model=scene.model,
    )
