"""Choice: which scenes are kept as training data, why, and with what probability: never by chance, so a file gives the same set twice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from math import prod
from uuid import UUID

from contracts.event import Event
from device.export.doubts import Doubts
from device.export.export_options import ExportOptions
from device.pipeline.sightings import sightings
from vision.types import Scene

UNIFORM = "uniform"  # by chance alone


@dataclass(frozen=True, slots=True)
class Pick:
    """A scene to be kept. `event` is what it was kept for, if it was one.

    With a `weight` it is one that may be worth a person's look: the day decides, and `probability` is that of the rules that decided
    already; `sure` is the one of them that keeps it, empty: none.
    """

    scene: Scene
    reason: str
    probability: float
    event: Event | None = None
    weight: float = 0.0
    sure: str = ""


@dataclass(slots=True)
class Subject:
    """An open event: which of its scenes were or will be kept."""

    event: Event
    taken: set[int] = field(default_factory=set)  # media times of those that were
    best: Scene | None = None
    merit: float = -1.0
    last: Scene | None = None


def draw(session: str, camera: str, what: str, about: str) -> float:
    """0 to 1, evenly, decided by what it is about: the same in every run."""
    digest = sha256(f"{session}|{camera}|{what}|{about}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / (1 << 64)


class Choice:
    """Fed every scene in order; one thread's."""

    def __init__(self, options: ExportOptions) -> None:
        self._options = options
        self._subjects: OrderedDict[UUID, Subject] = OrderedDict()
        self._seen_ns: dict[str, int] = {}  # media time of each camera's scene before
        self._doubts = Doubts(options) if options.review.per_day else None

    def picks(self, scene: Scene, session: str) -> Iterator[Pick]:
        """What to keep now: of frames by themselves, then of events."""
        real = scene.frame.planes.width > 0
        if real:
            yield from self._by_itself(scene, session)
            self._follow(scene)
        for event in scene.events:
            yield from self._of_event(event, scene if real else None, session)

    def _by_itself(self, scene: Scene, session: str) -> Iterator[Pick]:
        """Each rule that fits draws for itself; the probability is that of being kept by any of them."""
        rules = dict(self._rules(scene))
        about = str(scene.frame.pts_ns)
        won = [name for name, p in rules.items() if self._won(name, p, scene, session, about)]
        probability = 1 - prod(1 - p for p in rules.values())
        doubt = self._doubts.of(scene) if self._doubts else None
        if doubt is not None:
            yield Pick(scene, doubt.reason, probability, weight=doubt.weight, sure=won[0] if won else "")
        elif won:
            yield Pick(scene, won[0], probability)

    def _rules(self, scene: Scene) -> Iterator[tuple[str, float]]:
        options, found = self._options, scene.detections
        before_ns = self._seen_ns.get(scene.frame.camera)
        self._seen_ns[scene.frame.camera] = scene.frame.pts_ns
        passed_s = max(0.0, (scene.frame.pts_ns - before_ns) / 1e9) if before_ns is not None else 0.0
        if options.every_s and before_ns is not None:
            yield "schedule", min(1.0, max(1e-6, passed_s / options.every_s))
        if options.review.uniform_s and passed_s:
            yield UNIFORM, min(1.0, passed_s / options.review.uniform_s)
        if found.status != "ok":
            return
        if options.background_probability and not len(found):
            yield "background", options.background_probability
        low, high = options.uncertain
        if options.uncertain_probability and ((found.confidence >= low) & (found.confidence <= high)).any():
            yield "uncertain", options.uncertain_probability

    def _won(self, name: str, probability: float, scene: Scene, session: str, about: str) -> bool:
        """The schedule is kept exactly: the first scene of each interval. The others draw."""
        if name == "schedule":
            step_ns = int(self._options.every_s * 1e9)
            before_ns = scene.frame.pts_ns - int(probability * step_ns)
            return scene.frame.pts_ns // step_ns != before_ns // step_ns
        return draw(session, scene.frame.camera, name, about) < probability

    def _follow(self, scene: Scene) -> None:
        for subject, row in sightings(scene, self._subjects.values()):
            self._see(subject, scene, row)

    def _see(self, subject: Subject, scene: Scene, row: int) -> None:
        x1, y1, x2, y2 = (float(v) for v in scene.detections.xyxy[row])
        merit = float(scene.detections.confidence[row]) * (x2 - x1) * (y2 - y1)
        if "best" in self._options.events and merit > subject.merit:
            subject.best, subject.merit = scene, merit
        if "last" in self._options.events:
            subject.last = scene

    def _stand(self, subject: Subject, scene: Scene) -> None:
        """What no track follows (a screen, a line of text) is there in the scene that tells of it."""
        if subject.event.track is None:
            subject.best = scene if "best" in self._options.events else None
            subject.last = scene if "last" in self._options.events else None

    def _of_event(self, event: Event, scene: Scene | None, session: str) -> Iterator[Pick]:
        subject = self._subjects.get(event.id)
        if subject is None and event.life == "new" and self._options.events:
            if draw(session, event.camera, "event", str(event.id)) >= self._options.event_probability:
                return
            subject = self._subjects[event.id] = Subject(event)
            if scene is not None:
                self._follow(scene)
                self._stand(subject, scene)
                if "first" in self._options.events:
                    yield from self._take(subject, scene, "event_first")
            yield from self._bound()
        if subject is not None and event.life == "end":
            yield from self._finish(self._subjects.pop(event.id))

    def _take(self, subject: Subject, scene: Scene | None, reason: str) -> Iterator[Pick]:
        """Once a scene, whatever it is of the event."""
        if scene is not None and scene.frame.pts_ns not in subject.taken:
            subject.taken.add(scene.frame.pts_ns)
            yield Pick(scene, reason, self._options.event_probability, subject.event)

    def _finish(self, subject: Subject) -> Iterator[Pick]:
        yield from self._take(subject, subject.best, "event_best")
        yield from self._take(subject, subject.last, "event_last")

    def _bound(self) -> Iterator[Pick]:
        """Pictures are let go of oldest event first: it is finished with what there is of it."""
        while len(self._subjects) > max(1, self._options.held // 2):
            yield from self._finish(self._subjects.popitem(last=False)[1])

    def rest(self) -> Iterator[Pick]:
        """Of events whose end never came."""
        while self._subjects:
            yield from self._finish(self._subjects.popitem(last=False)[1])

    @property
    def open(self) -> int:
        """Events whose end has not come."""
        return len(self._subjects)
