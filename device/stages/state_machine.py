"""StateMachine: the events of the stages before it are signals to a declared machine; what the machine tells are events again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import Field

from contracts.errors import ConfigError
from contracts.event import Event
from device.pipeline.context import Context
from device.pipeline.doubts import REFUSED_TRANSITION, doubted
from device.pipeline.faults import Fault
from device.pipeline.protocols import EndOfStream
from device.stages.machine import faults, interpreter
from device.stages.machine.declaration import Declaration
from device.stages.machine.interpreter import Effect, Machine, Signal, Standing
from device.stages.moment import Box, When, moment, when_of
from vision.types import Scene

COUNT = "state_machine"


class StateMachine:
    """One machine a camera, in media time. A scene's signals are taken by their own times, those of one time in the order of the
    pipeline; before them, and before each, every timeout that is due, at its exact time. An event's `new` is the signal of its kind,
    with the time it began; its `end` is `<kind>.end`, with the time it was last seen. What ends because the film ends is no signal.
    """

    class Options(Declaration):
        """The machine, here or in a file of its own."""

        machine: Path | None = Field(default=None, description="a YAML file that holds the keys below; what stands here counts more")
        refused_interval_ms: int = Field(
            default=10_000,
            ge=0,
            le=86_400_000,
            description="media time between events of refused signals, of all states together; each is counted",
        )

        def faults(self, kinds: frozenset[str] | None) -> Iterable[Fault]:
            if self.machine is not None:
                return [Fault(("machine",), "", "was not read", "give it in a profile or in device.yaml")]
            return faults.faults(self, kinds)

        def gives(self) -> frozenset[str]:
            told = [*(emit.event for emit in self.emit), *(state.enter for state in self.states.values())]
            told += [state.exit for state in self.states.values()]
            return frozenset({faults.CHANGED, faults.REFUSED, *(kind for kind in told if kind)})

    def __init__(self, options: Options, context: Context) -> None:
        wrong = list(options.faults(None))
        if wrong:
            raise ConfigError("state_machine: " + "\n".join(map(str, wrong)))
        self._options, self._context = options, context
        self._machine = Machine(options)
        self._views: dict[str, _View] = {}

    def __call__(self, scene: Scene) -> Scene:
        camera = scene.frame.camera
        view = self._views.get(camera)
        if view is None:
            view = self._views[camera] = _View(self._machine, self._options.refused_interval_ms * 1_000_000, self._context)
        events = view.look(scene)
        scene = replace(scene, events=scene.events + events) if events else scene
        return doubted(scene, REFUSED_TRANSITION) if view.refused else scene

    def finish(self, end: EndOfStream) -> tuple[Event, ...]:
        view = self._views.pop(end.camera, None)
        return view.close(end) if view else ()


@dataclass(slots=True)
class Refusals:
    """Since the last that was told."""

    count: int = 0
    told_ns: int | None = None

    def worth_telling(self, at_ns: int, interval_ns: int) -> bool:
        self.count += 1
        if self.told_ns is not None and at_ns - self.told_ns < interval_ns:
            return False
        self.told_ns = at_ns
        return True


class _View:
    """One camera's machine."""

    def __init__(self, machine: Machine, interval_ns: int, context: Context) -> None:
        self._machine, self._interval_ns, self._context = machine, interval_ns, context
        self._now: Standing | None = None
        self._last: When | None = None  # the frame looked at before
        self._refusals = Refusals()
        self.refused = False  # a signal of the scene that was looked at last

    def look(self, scene: Scene) -> tuple[Event, ...]:
        here, self.refused = when_of(scene), False
        if self._last is not None and here.pts_ns < self._last.pts_ns:  # media time does not go back
            here = replace(here, pts_ns=self._last.pts_ns)
        events = self._pass(here)
        self._last = here
        for event in sorted((each for each in scene.events if each.life != "update"), key=_time):
            events += self._take(event, here)
            events += self._pass(here)
        return tuple(events)

    def _pass(self, here: When) -> list[Event]:
        if self._now is None:
            self._now, effects = interpreter.begin(self._machine, here.pts_ns)
            return self._told(effects, here, None)
        self._now, effects = interpreter.pass_time(self._machine, self._now, here.pts_ns)
        return self._told(effects, here, None)

    def _take(self, event: Event, here: When) -> list[Event]:
        if self._now is None:
            return []
        name = event.kind if event.life == "new" else f"{event.kind}.end"
        data = {key: value for key, value in event.data.items() if value is not None}
        self._now, effects = interpreter.take(self._machine, self._now, Signal(name, _time(event), data, event.label))
        return self._told(effects, here, event)

    def _told(self, effects: Iterable[Effect], here: When, cause: Event | None) -> list[Event]:
        return [event for effect in effects if self._counts(effect, here) for event in self._tell(effect, here, cause)]

    def _counts(self, effect: Effect, here: When) -> bool:
        """Refused signals are all counted and not all told."""
        if effect.role != "refused":
            return True
        self.refused = True
        self._context.tally.count(here.camera, COUNT, "refused")
        return self._refusals.worth_telling(here.pts_ns, self._interval_ns)

    def _tell(self, effect: Effect, here: When, cause: Event | None) -> tuple[Event, Event]:
        data = dict(effect.data)
        if effect.role == "refused":
            data["count"], self._refusals.count = self._refusals.count, 0
        told_apart = "|".join((effect.role, _cause(cause), *(str(data.get(key, "")) for key in ("state", "from", "to"))))
        about = self._when(effect.at_ns, here, cause)
        confidence, box, label = _shown(cause)
        return moment(self._context, about, effect.kind, told_apart, data, label=label, confidence=confidence, box=box)

    def _when(self, at_ns: int, here: When, cause: Event | None) -> When:
        """The signal's own time and frame, where the effect is of that time; else the last frame shown by then."""
        if cause is not None and at_ns == _time(cause):
            start = cause.start if cause.life == "new" else cause.end or cause.t
            return When(cause.camera, at_ns, start, cause.frame_number, cause.frame_size, cause.model)
        shown = self._last if self._last is not None and at_ns < here.pts_ns else here
        return replace(shown, pts_ns=at_ns, at=_wall(here, at_ns))

    def close(self, end: EndOfStream) -> tuple[Event, ...]:
        """What is due by the end, then the end of the state that is open. There is no picture any more that could be kept of it."""
        if self._now is None or self._last is None:
            return ()
        last = self._last
        here = replace(last, pts_ns=max(last.pts_ns, end.pts_ns))
        here = replace(here, at=_wall(last, here.pts_ns))
        events = self._pass(here)
        effects = interpreter.close(self._machine, self._now, here.pts_ns, end.reason)
        return tuple(event.model_copy(update={"snapshot": None}) for event in (*events, *self._told(effects, here, None)))


def _time(event: Event) -> int:
    return event.start_pts_ns if event.life == "new" else event.pts_ns


def _cause(event: Event | None) -> str:
    """An event's `new` and its `end` are two signals, and may be of one time."""
    return "" if event is None else str(event.id) if event.life == "new" else f"{event.id}.end"


def _wall(known: When, pts_ns: int) -> datetime:
    """Capture time at a media time near a frame's."""
    return known.at + timedelta(microseconds=(pts_ns - known.pts_ns) // 1000)


def _shown(cause: Event | None) -> tuple[float, Box | None, str | None]:
    """What was seen of the cause; a timeout is certain, and shows nothing."""
    return (cause.confidence, cause.box, cause.label) if cause else (1.0, None, None)
