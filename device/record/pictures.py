"""Pictures: the best view of each event as a JPEG, made off the hot path."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from contracts.errors import StorageError
from contracts.event import Event, snapshot_path
from contracts.files import refuse_links, write_durably
from device.clock import Clock
from device.pipeline.board import Board
from device.pipeline.channel import Channel, nothing
from device.pipeline.protocols import Tick
from device.pipeline.sightings import sightings
from device.pipeline.tally import Tally
from device.record.options import PictureOptions
from vision.types import Frame, Image, Scene

log = logging.getLogger(__name__)
PART = "pictures"  # our name on the board
SCENES = 8  # each holds a decoded picture
SUBJECTS = 4096  # events whose end never came are forgotten at last
SHAPE = 4 / 3  # width to height of what is cut out
EDGE = 0.01  # of the frame's side: a box nearer than that is taken to be cut by the edge

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class View:
    """One sight of an event's object."""

    frame: Frame
    box: Box
    confidence: float

    @property
    def merit(self) -> tuple[bool, float]:
        """Whole objects before those cut by the frame's edge, then confidence times area."""
        x1, y1, x2, y2 = self.box
        width, height = self.frame.planes.width, self.frame.planes.height
        whole = x1 > EDGE * width and y1 > EDGE * height and x2 < (1 - EDGE) * width and y2 < (1 - EDGE) * height
        return whole, self.confidence * max(0.0, x2 - x1) * max(0.0, y2 - y1)


@dataclass(slots=True)
class Subject:
    """An open event: the best view since the picture was last written, and how good the written one is."""

    event: Event
    best: View | None = None
    written: tuple[bool, float] = field(default=(False, -1.0))

    def see(self, view: View) -> None:
        if view.merit > max(self.written, self.best.merit if self.best else (False, -1.0)):
            self.best = view


class Pictures:
    """Inbox[Scene] for the analysis thread, `run` for its own: a picture at `new`, a better one at `end` if there was one.

    Full channel: the oldest scene is given up and counted, its events are not (`lossless`: analysis waits). One decoded picture
    is held for an open event, `held` in all: one more, and the oldest event's picture is written and let go.
    """

    def __init__(
        self, data: Path, options: PictureOptions, *, clock: Clock, tally: Tally, board: Board, lossless: bool = False,
        require: Callable[[], None] = nothing,
    ) -> None:  # fmt: skip
        self._data, self._options, self._clock, self._tally, self._board = data, options, clock, tally, board
        self._require = require  # StorageError when the disk is not there any more
        self._scenes: Channel[Scene] = Channel(SCENES, "block" if lossless else "drop_oldest", self._lost)
        self._lost_events: deque[Event] = deque(maxlen=1024)
        self._subjects: OrderedDict[str, Subject] = OrderedDict()

    def put(self, item: Scene, wait: bool = False) -> bool:
        return self._scenes.put(item, wait)

    def _lost(self, scene: Scene) -> None:
        self._tally.count(scene.frame.camera, "not_kept", "pictures_late")
        self._lost_events.extend(scene.events)

    def close(self) -> None:
        """No more scenes; `run` ends when the pictures of what is open are written."""
        self._scenes.close()

    def run(self, tick: Tick) -> None:
        for scene in self._scenes.each(tick):
            self.look(scene)
        for subject in list(self._subjects.values()):
            self._keep(subject)

    def look(self, scene: Scene) -> None:
        """One scene: open, compare, write, close."""
        while self._lost_events:
            event = self._lost_events.popleft()
            if event.life == "end" and str(event.id) in self._subjects:
                self._end(event)
        for event in scene.events:
            self._open(event, scene)
        self._compare(scene)
        self._bound()
        for event in scene.events:
            subject = self._subjects.get(str(event.id))
            if event.life == "end" and subject:
                self._end(event)
            elif subject and subject.written[1] < 0:
                self._keep(subject)

    def _open(self, event: Event, scene: Scene) -> None:
        """Also at a later message when the first was in a scene that was lost."""
        subject = self._subjects.get(str(event.id))
        if subject is None:
            if event.life == "end" and not _shows(event, scene):
                return
            subject = self._subjects[str(event.id)] = Subject(event)
        if view := _view(event, scene):
            subject.see(view)

    def _bound(self) -> None:
        """Frames are let go of oldest event first; its next view is compared with what was written."""
        holding = [subject for subject in self._subjects.values() if subject.best]
        for subject in holding[: -self._options.held]:
            self._keep(subject)
            self._tally.count(subject.event.camera, "not_kept", "pictures_held")
        while len(self._subjects) > SUBJECTS:
            self._subjects.popitem(last=False)

    def _compare(self, scene: Scene) -> None:
        for subject, row in sightings(scene, self._subjects.values()):
            x1, y1, x2, y2 = (float(v) for v in scene.detections.xyxy[row])
            subject.see(View(scene.frame, (x1, y1, x2, y2), float(scene.detections.confidence[row])))

    def _end(self, event: Event) -> None:
        self._keep(self._subjects.pop(str(event.id)))

    def _keep(self, subject: Subject) -> None:
        """Write the best view, if it is better than the picture there is, and let go of the frame."""
        view, subject.best = subject.best, None
        if view is None:
            return
        before = self._clock.mono_ns()
        picture = cut_out(view.frame, view.box, self._options)
        path = self._data / snapshot_path(subject.event.id, subject.event.start)
        try:
            self._require()
            refuse_links(self._data, path.parent)
            write_durably(path, encoded(picture, "jpg", self._options.quality))
        except StorageError as error:
            self._tally.count(subject.event.camera, "not_kept", "picture_failed")
            self._board.part(PART, "degraded", str(error), self._clock.wall_ns())
            log.error("no picture of an event", extra={"event": str(subject.event.id), "reason": str(error)})
            return
        subject.written = view.merit
        self._tally.count(subject.event.camera, "pictures")
        self._tally.took(subject.event.camera, "picture", self._clock.mono_ns() - before)
        self._board.part(PART, "ok", wall_ns=self._clock.wall_ns())


def _view(event: Event, scene: Scene) -> View | None:
    """What is not followed by a track has stood still since its first sample, or is all of the picture, as a change of state is."""
    planes = scene.frame.planes
    if _shows(event, scene) and event.box:
        return View(scene.frame, event.box, event.confidence)
    if event.track is not None or event.life == "end" or planes.width == 0:
        return None
    return View(scene.frame, event.box or (0.0, 0.0, float(planes.width), float(planes.height)), event.confidence)


def _shows(event: Event, scene: Scene) -> bool:
    """Whether the event's box belongs to this scene's picture: an `end` may be told long after the last sight."""
    return event.box is not None and event.life != "end" and event.pts_ns == scene.frame.pts_ns and scene.frame.planes.width > 0


def cut_out(frame: Frame, box: Box, options: PictureOptions) -> Image:
    """The object with its margin, 4:3 where the frame has room, or the whole picture; BGR, no larger than the options say."""
    picture = frame.planes.bgr()
    if options.show == "object":
        left, top, right, bottom = _cut(box, options.margin, picture.shape[1], picture.shape[0])
        if right > left and bottom > top:
            picture = picture[top:bottom, left:right]
    return fitted(picture, options.max_side_px)


def _cut(box: Box, margin: float, frame_width: int, frame_height: int) -> tuple[int, int, int, int]:
    """What to cut out, 4:3 and moved into the frame: a standing person alone would be a sliver, and lists show pictures that lie."""
    x1, y1, x2, y2 = box
    edge = margin * max(x2 - x1, y2 - y1)
    width, height = x2 - x1 + 2 * edge, y2 - y1 + 2 * edge
    width, height = min(frame_width, ceil(max(width, height * SHAPE))), min(frame_height, ceil(max(height, width / SHAPE)))
    left = int(min(max(0.0, (x1 + x2 - width) / 2), frame_width - width))
    top = int(min(max(0.0, (y1 + y2 - height) / 2), frame_height - height))
    return left, top, left + width, top + height


def fitted(picture: Image, max_side_px: int) -> Image:
    height, width = picture.shape[:2]
    scale = max_side_px / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def encoded(picture: Image, form: Literal["jpg", "png"], quality: int = 88) -> bytes:
    """BGR as JPEG, or as PNG without loss (and ten times slower)."""
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality] if form == "jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 1]
    done, data = cv2.imencode(f".{form}", picture, settings)
    if not done:
        raise ValueError(f"a picture of {picture.shape} cannot be made a {form}")
    return data.tobytes()


def save_frame(path: Path, frame: Frame, form: Literal["jpg", "png"] = "png", quality: int = 95) -> int:
    """A whole frame, durably, at `path` plus its suffix; the bytes written. For key frames that are kept or exported."""
    data = encoded(frame.planes.bgr(), form, quality)
    write_durably(path.with_name(f"{path.name}.{form}"), data)
    return len(data)
