"""Where scenes go beside the recorders."""

from __future__ import annotations

from device.outlets import EventOutlet
from device.pipeline.channel import Channel
from device.pipeline.passage import NoPlanes
from tests.device.publish.fakes import event
from vision.types import Detections, Frame, Scene


def test_events_alone_go_on_without_the_picture_that_would_fill_memory() -> None:
    journal: Channel[object] = Channel(2, "block")
    outlet = EventOutlet(journal)  # type: ignore[arg-type]
    frame = Frame("yard", 1, 0, 0, 0, planes=object())  # type: ignore[arg-type]
    outlet.put(Scene(frame, Detections.none()))
    outlet.put(Scene(frame, Detections.none(), events=(event(1), event(2))))
    scene = journal.get(1)
    assert isinstance(scene, Scene) and scene.events == (event(1), event(2)) and isinstance(scene.frame.planes, NoPlanes)
    assert len(journal) == 0, "a scene without events is nobody's business"
