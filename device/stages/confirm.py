"""Confirm: what was seen often enough in a row becomes an event: new, update, end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pydantic import Field

from contracts.errors import ConfigError
from contracts.event import Event
from device.pipeline.context import Context
from device.pipeline.protocols import EndOfStream
from device.pipeline.strict import Strict
from device.stages.analysed import AnalysedTime, longest_step_ns
from device.stages.life import Life, Row, Sighting
from vision.types import Scene


class Confirm:
    """A track becomes an event after `sightings` in a row. In a row means: in every answered scene of its camera between the first
    and the last of them, with a label, place and size that count. Scenes without an answer, and time the gate slept, neither break
    a row nor lengthen it. `new` carries the time, place and box of the first sighting of the row.

    Once open, an event lives as long as its track is seen, wherever it goes; it ends when the track was not seen for `max_gap_ms` of
    analysed media time, with the time it was last seen. Keep `max_gap_ms` above the tracker's `max_lost_ms`, or one track gives two.
    """

    class Options(Strict):
        """What counts as a sighting, how many make an event, and what is worth an update."""

        kind: str = Field(default="object", pattern=r"^[a-z][a-z0-9_]{0,63}$", description="the kind of the events")
        sightings: int = Field(default=3, ge=1, le=1000, description="sightings in a row that make an event")
        labels: tuple[str, ...] | None = Field(default=None, description="only these classes; null: all")
        zones: tuple[str, ...] | None = Field(default=None, description="it must be in one of these zones to begin; null: anywhere")
        min_confidence: float = Field(default=0.0, ge=0, le=1, description="mean confidence of the sightings in the row")
        min_area: float = Field(default=0.0, ge=0, le=1, description="smallest box, as a part of the picture")
        max_gap_ms: int = Field(default=3000, ge=0, description="analysed media time unseen after which it has ended")
        update_interval_ms: int = Field(default=2000, ge=0, description="media time between updates of something that moves")
        update_move: float = Field(default=0.25, gt=0, description="moved: an edge went this part of the box's width or height")
        confidence_step: float = Field(default=0.1, gt=0, le=1, description="a best confidence higher by this is an update")

        def gives(self) -> frozenset[str]:
            return frozenset({self.kind})

    def __init__(self, options: Options, context: Context) -> None:
        self._options, self._context = options, context
        self._views: dict[str, _View] = {}
        known = {zone for camera in context.cameras.values() for zone in camera.zones}
        for zone in options.zones or ():
            if zone not in known:
                names = ", ".join(sorted(known)) or "none"
                raise ConfigError(f"confirm: no camera has a zone {zone!r}; the zones are: {names}; draw it or change confirm.zones")

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

    def __init__(self, options: Confirm.Options, context: Context, camera: str) -> None:
        self._options, self._context = options, context
        self._time = AnalysedTime(longest_step_ns(context.cameras[camera].detection_fps))
        self._rows: dict[int, Row] = {}
        self._open: dict[int, Life] = {}

    def look(self, scene: Scene) -> tuple[Event, ...]:
        answered = scene.detections.status == "ok"
        now_ns = self._time.advance(scene.frame.pts_ns, answered)
        if not answered:
            return ()
        events: list[Event] = []
        rows: dict[int, Row] = {}
        for sighting in _sightings(scene):
            life = self._open.get(sighting.track)
            if life is None and self._counts(sighting):
                row = rows[sighting.track] = self._rows.get(sighting.track) or Row(self._options.sightings)
                row.sightings.append(sighting)
                life = self._confirmed(row, events)
            if life is not None:
                life.see(sighting)
                life.seen_ns = now_ns
                if self._worth_telling(life):
                    events.append(life.message("update"))
        self._rows = {track: row for track, row in rows.items() if track not in self._open}
        return (*events, *self._ended(now_ns))

    def _counts(self, sighting: Sighting) -> bool:
        options = self._options
        x1, y1, x2, y2 = sighting.box
        width, height = sighting.frame_size
        return (
            (options.labels is None or sighting.label in options.labels)
            and (options.zones is None or any(zone in options.zones for zone in sighting.zones))
            and (x2 - x1) * (y2 - y1) >= options.min_area * width * height
        )

    def _confirmed(self, row: Row, events: list[Event]) -> Life | None:
        if not row.full(self._options.min_confidence):
            return None
        life = Life(self._options.kind, row.sightings, self._context)
        events.append(life.message("new"))
        for sighting in row.sightings:
            life.see(sighting)
        self._open[row.sightings[0].track] = life
        return life

    def _worth_telling(self, life: Life) -> bool:
        told, last = life.told, life.last
        waited = last.pts_ns - told.pts_ns >= self._options.update_interval_ms * 1_000_000
        return (
            last.zones != told.zones
            or life.best - life.told_best >= self._options.confidence_step
            or (waited and life.moved() >= self._options.update_move)
        )

    def _ended(self, now_ns: int) -> Iterator[Event]:
        gap_ns = self._options.max_gap_ms * 1_000_000
        gone = [track for track, life in self._open.items() if now_ns - life.seen_ns > gap_ns]
        for track in gone:
            yield self._open.pop(track).farewell()

    def close(self, reason: str) -> tuple[Event, ...]:
        events = tuple(life.farewell(reason) for life in self._open.values())
        self._rows, self._open = {}, {}
        return events


def _sightings(scene: Scene) -> Iterator[Sighting]:
    """One for each box that has a track, one for each track: of two boxes of one track the more confident."""
    found, frame = scene.detections, scene.frame
    if "track" not in found.data:
        raise ConfigError("confirm: boxes come without tracks; put a `track` stage before `confirm` in the pipeline")
    zones = found.data.get("zones")
    best: dict[int, int] = {}
    for row, track in enumerate(found.data["track"].tolist()):
        if track >= 0 and (track not in best or found.confidence[row] > found.confidence[best[track]]):
            best[track] = row
    size = (frame.planes.width, frame.planes.height)
    for track in sorted(best):
        row = best[track]
        class_id = int(found.class_id[row])
        label = scene.labels[class_id] if 0 <= class_id < len(scene.labels) else f"class {class_id}"
        x1, y1, x2, y2 = (round(float(v), 2) for v in found.xyxy[row])
        confidence = min(1.0, max(0.0, round(float(found.confidence[row]), 4)))
        inside = tuple(zones[row]) if zones is not None else ()
        yield Sighting(
            frame.camera, track, label, confidence, (x1, y1, x2, y2), inside, frame.pts_ns, frame.wall_ns, frame.seq, size, scene.model
        )
