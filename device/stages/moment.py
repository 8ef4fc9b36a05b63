"""Moment: an event that is over as soon as it is there, told as `new` and `end` under one id and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from contracts.event import Event, event_id
from contracts.wire import utc_from_ns
from device.pipeline.context import Context
from vision.types import Scene

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class When:
    """A point in one camera's media time, and what there was to see."""

    camera: str
    pts_ns: int
    at: datetime  # capture time
    frame_number: int
    frame_size: tuple[int, int] | None = None
    model: str | None = None


def when_of(scene: Scene) -> When:
    """That of a scene; it holds no picture."""
    frame = scene.frame
    size = (frame.planes.width, frame.planes.height)
    return When(frame.camera, frame.pts_ns, utc_from_ns(frame.wall_ns), frame.seq, size, scene.model)


def moment(
    context: Context,
    when: When,
    kind: str,
    discriminator: str,
    data: Mapping[str, JsonValue],
    *,
    label: str | None = None,
    confidence: float = 1.0,
    box: Box | None = None,
    track: int | None = None,
) -> tuple[Event, Event]:
    """`discriminator` tells two of one kind and time apart; it must not depend on anything but the video and the configuration."""
    identity = context.cameras[when.camera].identity()
    this = event_id(identity, kind, when.pts_ns, discriminator)
    new = Event(
        id=this,
        life="new",
        kind=kind,
        camera=when.camera,
        label=label,
        confidence=confidence,
        start=when.at,
        t=when.at,
        start_pts_ns=when.pts_ns,
        pts_ns=when.pts_ns,
        frame_number=max(0, when.frame_number),
        track=track,
        box=box,
        frame_size=when.frame_size,
        model=when.model,
        snapshot=context.snapshot(this, when.at),
        data=dict(data),
    )
    return new, new.model_copy(update={"life": "end", "end": when.at})
