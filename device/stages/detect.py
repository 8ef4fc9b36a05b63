"""Detect: several frames at the detector at once; an answer that is late or wrong is no answer, never an empty picture."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from contracts.errors import BundleError, ConfigError, HardwareError
from device.pipeline.context import Context, Detector
from device.pipeline.strict import Strict
from device.stages.intake import sound
from vision.types import Detections, Scene

log = logging.getLogger(__name__)
Watching = Callable[[Scene, int], None]  # a look at a frame and the ns it took; on a detector's thread: it may only take a reference


@dataclass(frozen=True, slots=True)
class Serving:
    """The detector of the moment and what was worked out for it; replaced as a whole, between two frames."""

    detector: Detector
    labels: tuple[str, ...]
    wanted: NDArray[np.bool_] | None  # by class; None: all


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    scene: Scene
    answer: Future[Scene]
    deadline_ns: int


class Detect:
    """A WideStage. `workers` threads take frames in turn and call one detector; `depth` frames are in flight, one more than there are
    workers, so that none waits for the next. A frame without an answer after `timeout_ms` goes on with status timeout, one the engine
    failed on with status error. After `max_failures` in a row the answer is an exception, which stops the process.
    """

    frame_only: Literal[True] = True

    class Options(Strict):
        """Which bundle, which of its boxes, and how long an answer may take."""

        bundle: str = Field(description="name, digest or path of the model bundle")
        min_confidence: float | None = Field(default=None, ge=0, le=1, description="boxes below are dropped; null: the bundle's own")
        classes: tuple[str, ...] | None = Field(default=None, description="only these labels of the bundle; null: all")
        max_boxes: int = Field(default=300, ge=1, le=10000, description="boxes kept of one frame, the most confident")
        workers: int = Field(default=0, ge=0, le=64, description="frames at the engine at once; 0: as the box is set up")
        timeout_ms: int = Field(default=5000, ge=1, description="without an answer for so long, a frame goes on without")
        max_failures: int = Field(default=20, ge=1, description="frames in a row without an answer that stop the process")

    def __init__(self, options: Options, context: Context) -> None:
        self._options, self._clock, self._tally = options, context.clock, context.tally
        self.min_confidence, self.classes = options.min_confidence, options.classes or ()
        try:
            self._serving = self._prepare(context.open_detector(options.bundle, options.min_confidence))
        except BundleError as error:
            raise ConfigError(f"detect: {error}") from error
        workers = options.workers or max(1, context.workers)
        self.depth = workers + 1
        self._queue: deque[Job] = deque()
        self._waiting: deque[Job] = deque()  # in the order of their deadlines, for all wait equally long
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._failures = 0
        self._watching: Watching | None = None
        self._spare: Serving | None = None
        self._busy: Counter[int] = Counter()  # frames at each detector, by its id
        self._lost: Counter[int] = Counter()  # workers that a detector never gave back, others took their place
        self._threads = [threading.Thread(target=self._work, name=f"detect-{n}", daemon=True) for n in range(workers)]
        self._threads.append(threading.Thread(target=self._watch, name="detect-watch", daemon=True))
        for thread in self._threads:
            thread.start()

    @property
    def detector(self) -> Detector:
        """The one that serves now."""
        return self._serving.detector

    def use(self, detector: Detector) -> Detector:
        """Serve with this one from the next frame on; frames at the old one, which is returned, finish there. No frame is lost, and
        none after one of the new model has an answer of the old. Until it is released the old one serves again, rather than that the
        process stops, when the new one fails `max_failures` times in a row. BundleError, and the old one stays."""
        serving = self._prepare(detector)
        with self._changed:
            before, self._serving = self._serving, serving
            self._spare, self._failures = before, 0
        return before.detector

    def watch(self, watching: Watching | None) -> None:
        """Who is told of each look from now on."""
        self._watching = watching

    def release(self, detector: Detector, timeout_s: float) -> bool:
        """Wait until no frame is at a detector that serves no more. False when it keeps some: workers that wait for it are replaced."""
        with self._changed:
            self._spare = None
            if self._changed.wait_for(lambda: not self._busy[id(detector)], timeout_s):
                return True
            stuck = self._busy[id(detector)] - self._lost[id(detector)]
            self._lost[id(detector)] += stuck
            fresh = [threading.Thread(target=self._work, name=f"detect-again-{n}", daemon=True) for n in range(stuck)]
            self._threads += fresh
        for thread in fresh:
            thread.start()
        return False

    def _prepare(self, detector: Detector) -> Serving:
        labels = tuple(detector.labels)
        if self._options.classes is None:
            return Serving(detector, labels, None)
        missing = [label for label in self._options.classes if label not in labels]
        if missing:
            raise BundleError(
                f"model {detector.digest} has no class {missing[0]!r}; it has: {', '.join(labels)}; change detect's classes or the bundle"
            )
        return Serving(detector, labels, np.array([label in self._options.classes for label in labels]))

    def submit(self, scene: Scene) -> Future[Scene]:
        """Never waits: who submits keeps at most `depth` frames in flight."""
        job = Job(scene, Future(), self._clock.mono_ns() + self._options.timeout_ms * 1_000_000)
        with self._changed:
            self._waiting.append(job)
            self._queue.append(job)
            self._changed.notify()
        return job.answer

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closed.is_set())
                if not self._queue:
                    return
                job, serving = self._queue.popleft(), self._serving  # together: models change between two frames
                self._busy[id(serving.detector)] += 1
            scene = self._look(job.scene, serving)
            if not self._settle(job, scene):
                self._tally.count(job.scene.frame.camera, "late_answers")
            if self._replaced(serving.detector):
                return

    def _replaced(self, detector: Detector) -> bool:
        """Whether this worker was given up meanwhile."""
        with self._changed:
            self._busy[id(detector)] -= 1
            lost = self._lost[id(detector)] > 0
            self._lost[id(detector)] -= lost
            self._changed.notify_all()
        return lost

    def _look(self, scene: Scene, serving: Serving) -> Scene:
        """The scene with its boxes; an engine may fail with anything, and one frame is no reason to die."""
        frame = scene.frame
        before = self._clock.mono_ns()
        try:
            found = serving.detector.detect(frame.planes)
            found, refused = sound(self._wanted(serving, found), frame.planes.width, frame.planes.height, self._options.max_boxes)
        except Exception as error:  # engines, drivers and heads raise what they like: counted, told once a row, fatal when it lasts
            self._tally.count(frame.camera, "detector_errors", type(error).__name__)
            if self._failures == 0:
                log.exception("the detector failed", extra={"camera": frame.camera, "model": serving.detector.digest})
            found, refused = Detections.none("error"), {}
        took_ns = self._clock.mono_ns() - before
        self._tally.took(frame.camera, "inference", took_ns)
        for reason, count in refused.items():
            self._tally.count(frame.camera, "boxes_refused", reason, count)
        return self._told(replace(scene, detections=found, labels=serving.labels, model=serving.detector.digest), took_ns)

    def _told(self, scene: Scene, took_ns: int) -> Scene:
        if (watching := self._watching) is not None:
            watching(scene, took_ns)
        return scene

    def _wanted(self, serving: Serving, found: Detections) -> Detections:
        rows = np.ones(len(found), bool)
        if self._options.min_confidence is not None:
            rows &= found.confidence >= self._options.min_confidence
        if serving.wanted is not None:
            rows &= serving.wanted[found.class_id]
        return found if rows.all() else found.pick(rows)

    def _watch(self) -> None:
        while not self._closed.wait(self.expire()):
            pass

    def expire(self) -> float:
        """Send on the frames whose time is up, the queued ones too; seconds until it is worth asking again."""
        while True:
            with self._changed:
                job = self._waiting[0] if self._waiting else None
                left_s = (job.deadline_ns - self._clock.mono_ns()) / 1e9 if job else self._options.timeout_ms / 4e3
                if job is None or left_s > 0:
                    return min(1.0, left_s)
                if job in self._queue:
                    self._queue.remove(job)
            self._late(job)

    def _late(self, job: Job) -> None:
        serving = self._serving
        none = replace(job.scene, detections=Detections.none("timeout"), labels=serving.labels, model=serving.detector.digest)
        if self._settle(job, none):
            self._told(none, self._options.timeout_ms * 1_000_000)
            log.warning("no answer in time", extra={"camera": job.scene.frame.camera, "model": serving.detector.digest})

    def _settle(self, job: Job, scene: Scene) -> bool:
        """Answer, unless that was done already."""
        status = scene.detections.status
        with self._changed:
            if job.answer.done():
                return False
            self._failures = 0 if status == "ok" else self._failures + 1
            if self._failures >= self._options.max_failures and self._spare is not None:
                self._serving, self._spare, self._failures = self._spare, None, 0
            if self._failures < self._options.max_failures:
                job.answer.set_result(scene)
            else:
                job.answer.set_exception(HardwareError(self._gave_up()))
            while self._waiting and self._waiting[0].answer.done():
                self._waiting.popleft()
        if status != "ok":
            self._tally.count(scene.frame.camera, "no_answer", status)
        return True

    def _gave_up(self) -> str:
        options = self._options
        return (
            f"detect: model {options.bundle} gave no answer to {self._failures} frames in a row; "
            "see the log for the first failure, run `vedette doctor`, or choose another bundle"
        )

    def close(self, timeout_s: float = 2.0) -> None:
        """Workers end after what is queued; one that is stuck is left behind (a daemon)."""
        with self._changed:
            self._closed.set()
            self._changed.notify_all()
        until_ns = self._clock.mono_ns() + int(timeout_s * 1e9)
        for thread in self._threads:
            thread.join(max(0.0, (until_ns - self._clock.mono_ns()) / 1e9))
