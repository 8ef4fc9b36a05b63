"""The next analysed picture of a camera with its boxes drawn in, for who asks for a snapshot with boxes."""

from __future__ import annotations

from device.clock import Clock
from device.pipeline.channel import Closed
from device.pipeline.hub import Hub
from device.web.jpeg import encoded
from vision.annotate import annotate
from vision.types import Scene

PATIENCE_NS = 1_500_000_000  # an idle camera has no next one


def next_annotated(scenes: Hub[Scene], camera: str, clock: Clock, quality: int) -> bytes | None:
    """JPEG; None when no scene of that camera came in time. Waits: not for an event loop."""
    deadline_ns = clock.mono_ns() + PATIENCE_NS
    with scenes.listen() as channel:
        while (left_ns := deadline_ns - clock.mono_ns()) > 0:
            try:
                scene = channel.get(left_ns / 1e9)
            except (TimeoutError, Closed):
                return None
            if scene.frame.camera == camera and scene.frame.planes.width:
                return encoded(annotate(scene.frame.planes.bgr(), scene.detections, scene.labels), quality)
    return None
