"""Track: which box is the same thing as a moment ago; ByteTrack's two rounds over a Kalman filter in media time.

After Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022: confident boxes are given
to tracks first, then the weak ones to the tracks left over; a weak box keeps a track alive and never begins one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from contracts.event import Event
from device.pipeline.context import Context
from device.pipeline.protocols import EndOfStream
from device.pipeline.strict import Strict
from device.stages.analysed import AnalysedTime, longest_step_ns
from device.stages.assign import assign
from device.stages.intake import sound
from device.stages.tracks import Floats, Tracks, overlaps
from vision.types import Detections, Scene

NEAR = 0.1  # of a box's size: boxes are not more exact than that
WIDEST = 1.0  # a box is looked for at most its own size away from where it should be


class Track:
    """Adds `data["track"]` (from 1 for each camera, never used again; -1: of no confirmed track) and `data["velocity"]` in px/s."""

    class Options(Strict):
        """The confidences and overlaps of the two rounds, and how long a track is remembered."""

        high_confidence: float = Field(default=0.4, ge=0, le=1, description="boxes from here up go first and may begin a track")
        low_confidence: float = Field(default=0.1, ge=0, le=1, description="boxes below are ignored; between, they only continue a track")
        min_overlap: float = Field(default=0.2, ge=0, le=1, description="IoU from which a confident box may be a track's")
        min_overlap_low: float = Field(default=0.45, ge=0, le=1, description="IoU from which a weak box may be a track's")
        min_hits: int = Field(default=1, ge=1, le=100, description="looks in a row until a track has its number; confirm waits anyway")
        max_lost_ms: int = Field(default=2000, ge=0, description="analysed media time after which an unseen track is forgotten")
        classes: Literal["apart", "together"] = Field(default="apart", description="apart: a box continues only tracks of its class")
        max_tracks: int = Field(default=300, ge=1, le=1000, description="boxes looked at and tracks kept, the best")

    def __init__(self, options: Options, context: Context) -> None:
        self._options, self._context = options, context
        self._views: dict[str, _View] = {}

    def __call__(self, scene: Scene) -> Scene:
        frame = scene.frame
        view = self._views.get(frame.camera) or self._open(frame.camera)
        found, refused = sound(scene.detections, frame.planes.width, frame.planes.height, self._options.max_tracks)
        for reason, count in refused.items():
            self._context.tally.count(frame.camera, "boxes_refused", reason, count)
        view.fit((frame.planes.width, frame.planes.height))
        track, velocity = view.look(found, frame.pts_ns)
        return replace(scene, detections=found.with_data(track=track, velocity=velocity))

    def _open(self, camera: str) -> _View:
        view = _View(self._options, longest_step_ns(self._context.cameras[camera].detection_fps))
        self._views[camera] = view
        return view

    def finish(self, end: EndOfStream) -> tuple[Event, ...]:
        """What was followed is forgotten; numbers go on, so that none is used twice."""
        if end.camera in self._views:
            self._views[end.camera].forget()
        return ()


class _View:
    """One camera's tracks."""

    def __init__(self, options: Track.Options, step_ns: int) -> None:
        self._options, self._step_ns = options, step_ns
        self._next_id = 1
        self._size: tuple[int, int] | None = None  # of the pictures, pixels
        self.forget()

    def forget(self) -> None:
        self._tracks, self._time = Tracks(), AnalysedTime(self._step_ns)
        self._answered_pts_ns: int | None = None

    def fit(self, size: tuple[int, int]) -> None:
        """A camera that was set to another size: what is followed is at the same part of its pictures."""
        if self._size and size != self._size and all(size):
            self._tracks.scale(size[0] / self._size[0], size[1] / self._size[1])
        self._size = size if all(size) else self._size

    def look(self, found: Detections, pts_ns: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The columns for these boxes. Boxes are taken in an order of their own, so that the given one does not matter."""
        now_ns = self._time.advance(pts_ns, found.status == "ok")
        row_of = np.full(len(found), -1, np.intp)
        if found.status == "ok":
            self._tracks.predict(self._elapsed_s(pts_ns))
            order = np.lexsort((found.class_id, *found.xyxy.T[::-1], -found.confidence))
            row_of[order] = self._follow(found.pick(order), now_ns)
        seen = row_of >= 0
        track = np.full(len(found), -1, np.int64)
        velocity = np.zeros((len(found), 2), np.float32)
        track[seen], velocity[seen] = self._tracks.id[row_of[seen]], self._tracks.speed[row_of[seen], :2]
        if found.status == "ok":
            self._drop(now_ns)
        return track, velocity

    def _elapsed_s(self, pts_ns: int) -> float:
        since = 0 if self._answered_pts_ns is None else pts_ns - self._answered_pts_ns
        self._answered_pts_ns = pts_ns
        return max(0, min(since, self._step_ns)) / 1e9

    def _follow(self, found: Detections, now_ns: int) -> NDArray[np.intp]:
        """For each box the row of its track, or -1."""
        options, tracks = self._options, self._tracks
        boxes = found.xyxy.astype(np.float64)
        row_of = np.full(len(found), -1, np.intp)
        overlap, near = self._alike(found, boxes)
        high = found.confidence >= options.high_confidence
        low = (found.confidence >= options.low_confidence) & ~high
        free = np.ones(len(tracks), bool)
        for rows, columns, floor in ((free, high, options.min_overlap), (tracks.kept, low, options.min_overlap_low)):
            mine, theirs = np.nonzero(rows & free)[0], np.nonzero(columns)[0]
            over = overlap[np.ix_(mine, theirs)] - floor
            picked_rows, picked_columns = assign(np.where(over > 0, over + near[np.ix_(mine, theirs)], 0.0))
            row_of[theirs[picked_columns]] = mine[picked_rows]
            free[mine[picked_rows]] = False
        matched = np.nonzero(row_of >= 0)[0]
        tracks.correct(row_of[matched], boxes[matched], found.class_id[matched], now_ns)
        tracks.kept = ~free
        fresh = np.nonzero(high & (row_of < 0))[0]
        row_of[fresh] = len(tracks) + np.arange(len(fresh))
        tracks.begin(boxes[fresh], found.class_id[fresh], now_ns)
        self._number()
        return row_of

    def _alike(self, found: Detections, boxes: Floats) -> tuple[Floats, Floats]:
        """For every track and box: whether they may be one (overlap, with room for how unsure the place is; 0 across classes kept
        apart), and how near the middle is to where it should be, which tells two people who pass each other apart."""
        tracks = self._tracks
        margin = np.minimum(tracks.doubt(), WIDEST * tracks.size())
        overlap = overlaps(tracks.boxes(), boxes, margin)
        if self._options.classes == "apart":
            overlap = np.where(tracks.class_id[:, None] == found.class_id[None], overlap, 0.0)
        off = (boxes[None, :, :2] + boxes[None, :, 2:]) / 2 - tracks.place[:, None, :2]
        spread = np.square(tracks.doubt()) + np.square(NEAR * tracks.size())
        return overlap, np.exp(-np.square(off).sum(axis=2) / (2 * spread[:, None]))

    def _number(self) -> None:
        new = np.nonzero((self._tracks.id < 0) & (self._tracks.hits >= self._options.min_hits))[0]
        self._tracks.id[new] = self._next_id + np.arange(len(new))
        self._next_id += len(new)

    def _drop(self, now_ns: int) -> None:
        """Who was not seen for too long, who never became a track, and the longest unseen of too many."""
        tracks, options = self._tracks, self._options
        alive = now_ns - tracks.seen_ns <= options.max_lost_ms * 1_000_000
        alive &= tracks.kept | (tracks.id >= 0)
        if np.count_nonzero(alive) > options.max_tracks:
            ranked = np.lexsort((tracks.id, -tracks.seen_ns, ~alive))
            alive[ranked[options.max_tracks :]] = False
        if not alive.all():
            tracks.keep(alive)
