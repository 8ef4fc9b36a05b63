"""Steady: what is there in so many samples in a row becomes one event, with its texts by majority; no tracks needed."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from contracts.event import Event
from device.pipeline.context import Context
from device.pipeline.protocols import EndOfStream
from device.pipeline.strict import Strict
from device.stages.analysed import AnalysedTime, longest_step_ns
from device.stages.presence import Presence, Row, kind_of
from device.stages.seen import Criteria, Seen, Thing, seen_in
from vision.types import Scene

LONGEST_GAP_MS = 86_400_000  # everything unseen that is still open is kept in memory
KIND = r"^[a-z][a-z0-9_]{0,63}$"


class Rule(Strict):
    """What is other for some labels; null: as for all."""

    labels: tuple[str, ...] | None = Field(default=None, min_length=1, description="the labels it is about; null: the rule's own name")
    kind: str | None = Field(default=None, pattern=KIND, description="kind of the events; null: the label's name")
    samples: int | None = Field(default=None, ge=1, le=1000, description="answered samples in a row that make an event")
    max_misses: int | None = Field(default=None, ge=0, le=100, description="samples without it that a row outlives, each time")
    gap_ms: int | None = Field(default=None, ge=0, le=LONGEST_GAP_MS, description="analysed media time unseen after which it has ended")
    min_confidence: float | None = Field(default=None, ge=0, le=1, description="boxes below do not count")
    key: tuple[str, ...] = Field(default=(), description="fields whose texts tell two things of one label apart; none: they are one")
    fields: tuple[str, ...] | None = Field(default=None, description="fields that go into the event; null: all that were read")


class Steady:
    """A thing is a label and the texts of its `key` fields. It becomes an event with the `samples`-th sample in a row that shows it,
    and `new` has time, frame and box of the first of them. In a row means: samples that were answered. One without an answer neither
    counts nor breaks the row; a stretch in which nobody looked breaks it. A box whose key could not be read is no sighting, and no
    absence of things of its label either.

    Once open, an event ends when its thing was not seen for `gap_ms` of analysed media time, with the time it was last seen. Texts
    are elected, each reading weighted by its confidence: at `new` of the row, at `end` of all there were.
    """

    class Options(Strict):
        """How many samples make an event, for all labels; rules say what is other for some."""

        samples: int = Field(default=3, ge=1, le=1000, description="answered samples in a row that make an event")
        max_misses: int = Field(default=0, ge=0, le=100, description="samples without it that a row outlives, each time")
        gap_ms: int = Field(default=1000, ge=0, le=LONGEST_GAP_MS, description="analysed media time unseen after which it has ended")
        min_confidence: float = Field(default=0.0, ge=0, le=1, description="boxes below do not count")
        rules: dict[str, Rule] = Field(default_factory=dict, description="name -> what is other; only their labels count. None: all do")

        def gives(self) -> frozenset[str] | None:
            """Without rules it depends on the model."""
            return frozenset(each.kind for each in self.criteria()) if self.rules else None

        def criteria(self) -> tuple[Criteria, ...]:
            """One for each rule and label, in their order."""
            return tuple(self.of(name, label) for name, rule in self.rules.items() for label in rule.labels or (name,))

        def of(self, name: str, label: str) -> Criteria:
            rule = self.rules.get(name, Rule())
            whole = {key: getattr(self, key) for key in ("samples", "max_misses", "gap_ms", "min_confidence")}
            own = {key: value for key in whole if (value := getattr(rule, key)) is not None}
            return Criteria(rule=name, label=label, kind=rule.kind or kind_of(label), key=rule.key, fields=rule.fields, **{**whole, **own})

    def __init__(self, options: Options, context: Context) -> None:
        self._options, self._context = options, context
        self._views: dict[str, _View] = {}

    def __call__(self, scene: Scene) -> Scene:
        camera = scene.frame.camera
        view = self._views.get(camera)
        if view is None:
            view = self._views[camera] = _View(self._options, self._context, camera)
        events = view.look(scene)
        return replace(scene, events=scene.events + events) if events else scene

    def finish(self, end: EndOfStream) -> tuple[Event, ...]:
        view = self._views.pop(end.camera, None)
        return view.close(end.reason) if view else ()


class _View:
    """One camera's open events and the rows that may become some."""

    def __init__(self, options: Steady.Options, context: Context, camera: str) -> None:
        self._options, self._context = options, context
        self._step_ns = longest_step_ns(context.cameras[camera].detection_fps)
        self._time = AnalysedTime(self._step_ns)
        self._answered_pts_ns: int | None = None
        self._rows: dict[Thing, Row] = {}
        self._open: dict[Thing, Presence] = {}
        self._criteria = options.criteria()

    def look(self, scene: Scene) -> tuple[Event, ...]:
        answered = scene.detections.status == "ok"
        now_ns = self._time.advance(scene.frame.pts_ns, answered)
        if not answered:
            return ()
        self._after_a_hole(scene.frame.pts_ns)
        seen, unread = seen_in(scene, self._criteria or self._of_all(scene))
        events = [event for thing, sighting in seen.items() for event in self._see(thing, sighting, now_ns)]
        self._miss({*seen}, unread, now_ns)
        return (*events, *self._ended(now_ns))

    def _of_all(self, scene: Scene) -> tuple[Criteria, ...]:
        return tuple(self._options.of("", label) for label in scene.labels)

    def _after_a_hole(self, pts_ns: int) -> None:
        """Samples on its two sides are not in a row."""
        if self._answered_pts_ns is not None and not 0 <= pts_ns - self._answered_pts_ns <= self._step_ns:
            self._rows = {}
        self._answered_pts_ns = pts_ns

    def _see(self, thing: Thing, sighting: Seen, now_ns: int) -> list[Event]:
        presence = self._open.get(thing)
        if presence is not None:
            presence.see(sighting, now_ns)
            return []
        row = self._rows.setdefault(thing, Row())
        row.see(sighting, now_ns)
        if len(row.sightings) < thing.criteria.samples:
            return []
        self._open[thing] = presence = Presence(thing, self._rows.pop(thing), self._context)
        return [presence.begun()]

    def _miss(self, seen: set[Thing], unread: set[Criteria], now_ns: int) -> None:
        for thing in [thing for thing in self._rows if thing not in seen]:
            row, criteria = self._rows[thing], thing.criteria
            row.misses += criteria not in unread
            if row.misses > criteria.max_misses or now_ns - row.seen_ns > criteria.gap_ms * 1_000_000:
                del self._rows[thing]

    def _ended(self, now_ns: int) -> list[Event]:
        gone = [thing for thing, each in self._open.items() if now_ns - each.seen_ns > thing.criteria.gap_ms * 1_000_000]
        return [self._open.pop(thing).over() for thing in gone]

    def close(self, reason: str) -> tuple[Event, ...]:
        events = tuple(presence.over(reason) for presence in self._open.values())
        self._rows, self._open = {}, {}
        return events
