"""Passage: one scene after another through narrow stages, in one thread, and the last words of those that remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from contracts.event import Event
from device.clock import Clock
from device.pipeline.protocols import Closing, EndOfStream, Inbox, Stage, WideStage
from device.pipeline.tally import Tally
from vision.types import Detections, Frame, Image, Scene


class Passage:
    """Measures each stage, and counts the events of the scenes that it hands over."""

    def __init__(self, stages: Mapping[str, Stage], clock: Clock, tally: Tally) -> None:
        self._stages, self._clock, self._tally = dict(stages), clock, tally

    def __call__(self, scene: Scene) -> Scene | None:
        for name, stage in self._stages.items():
            before = self._clock.mono_ns()
            grown = stage(scene)
            self._tally.took(scene.frame.camera, name, self._clock.mono_ns() - before)
            if grown is None:
                return None
            scene = grown
        return scene

    def last_words(self, end: EndOfStream) -> tuple[Event, ...]:
        """In the thread that runs these stages: a stage takes no lock."""
        return tuple(event for stage in self._stages.values() if isinstance(stage, Closing) for event in stage.finish(end))

    def hand_over(self, scene: Scene, outlets: Sequence[Inbox[Scene]]) -> None:
        for event in scene.events:
            self._tally.count(event.camera, "events", event.life)
        for outlet in outlets:
            outlet.put(scene)


class Alone:
    """A wide stage as a narrow one: one scene at a time."""

    def __init__(self, stage: WideStage) -> None:
        self._stage = stage

    def __call__(self, scene: Scene) -> Scene | None:
        answer: Future[Scene] = self._stage.submit(scene)
        return answer.result()


def narrow(stages: Mapping[str, Stage | WideStage]) -> dict[str, Stage]:
    """All of them for one thread."""
    return {name: Alone(stage) if isinstance(stage, WideStage) else stage for name, stage in stages.items()}


def farewell(end: EndOfStream, events: tuple[Event, ...]) -> Scene:
    """The scene without a picture that carries the last messages of a camera."""
    frame = Frame(end.camera, -1, end.pts_ns, end.mono_ns, end.wall_ns, NoPlanes())
    return Scene(frame, Detections.none(), events=events)


class NoPlanes:
    """The picture of a scene that has none: the farewell of a camera that ended."""

    width = 0
    height = 0

    def luma(self, max_width: int) -> Image:
        raise LookupError("this scene has no picture: its camera has ended")

    def rgb(self, width: int, height: int) -> Image:
        return self.luma(width)

    def bgr(self) -> Image:
        return self.luma(0)
