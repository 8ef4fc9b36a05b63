"""The detector's seat: order of answers, lateness, failures, hot switch. The detectors here answer when they are told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from contracts.errors import BundleError, ConfigError, HardwareError
from device.pipeline.context import Context
from device.pipeline.protocols import WideStage
from device.stages.detect import Detect
from tests.device.stages.world import MS, Blank, HandClock, boxes, context, scene
from vision.types import Detections, Planes, Scene

WAIT_S = 10.0


class Told:
    """A detector that finds one box, as wide as its picture, when the picture's turn is opened."""

    def __init__(self, labels: Sequence[str] = ("person", "car"), digest: str = "sha256:1", held: bool = False) -> None:
        self.labels, self.digest = labels, digest
        self.answers: Callable[[Planes], Detections] = lambda planes: boxes((0, 0, planes.width, 10, 0.9, 0), (0, 0, 5, 5, 0.3, 1))
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.held = held

    def detect(self, planes: Planes) -> Detections:
        self.begun.release()
        if self.held:
            assert self.go.acquire(timeout=WAIT_S)
        return self.answers(planes)


class Bench:
    """A stage with its detector, clock and tally, closed at the end."""

    def __init__(self, detector: Told, workers: int = 1, **options: Any) -> None:
        self.clock = HandClock()
        self.asked: list[tuple[str, float | None]] = []
        self.about: Context = context(detector=lambda *asked: (self.asked.append(asked), detector)[1], clock=self.clock, workers=workers)
        self.stage = Detect(Detect.Options(bundle="person-street", **options), self.about)

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self.stage.close()

    def count(self, what: str, reason: str | None = None) -> int:
        return self.about.tally.get("left", what, reason)


def shown(n: int = 0, width: int = 640) -> Scene:
    one = scene(n * 100 * MS, boxes(), n)
    return replace(one, frame=replace(one.frame, planes=Blank(width, 360)), labels=(), model=None)


def answer(future: Future[Scene]) -> Scene:
    return future.result(WAIT_S)


def test_boxes_labels_and_the_digest_of_the_model_come_with_the_scene() -> None:
    with Bench(Told(), min_confidence=0.25) as bench:
        assert isinstance(bench.stage, WideStage)
        out = answer(bench.stage.submit(shown()))
    assert bench.asked == [("person-street", 0.25)]
    assert out.detections.xyxy.tolist() == [[0, 0, 640, 10], [0, 0, 5, 5]]
    assert (out.labels, out.model, out.detections.status) == (("person", "car"), "sha256:1", "ok")
    assert bench.about.tally.percentiles()["left", "inference"].count == 1


FEWER = [({"min_confidence": 0.5}, [0]), ({"classes": ["car"]}, [1]), ({"max_boxes": 1}, [0]), ({}, [0, 1])]


@pytest.mark.parametrize(("options", "left"), FEWER)
def test_boxes_nobody_asked_for_are_left_out(options: dict[str, Any], left: list[int]) -> None:
    with Bench(Told(), **options) as bench:
        assert answer(bench.stage.submit(shown())).detections.class_id.tolist() == left


def test_a_class_the_model_does_not_have_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="sha256:1 has no class 'dog'; it has: person, car"):
        Bench(Told(), classes=["dog"])


def test_as_many_frames_are_at_the_detector_as_there_are_workers() -> None:
    detector = Told(held=True)
    with Bench(detector, workers=3) as bench:
        assert bench.stage.depth == 4
        futures = [bench.stage.submit(shown(n)) for n in range(4)]
        for _ in range(3):
            assert detector.begun.acquire(timeout=WAIT_S)
        assert not detector.begun.acquire(blocking=False)
        for _ in futures:
            detector.go.release()
        assert [answer(future).frame.seq for future in futures] == [0, 1, 2, 3]


def test_an_answer_that_does_not_come_in_time_is_a_timeout_and_a_late_one_changes_nothing() -> None:
    detector = Told(held=True)
    with Bench(detector, timeout_ms=500) as bench:
        stuck, queued = bench.stage.submit(shown(0)), bench.stage.submit(shown(1))
        assert detector.begun.acquire(timeout=WAIT_S)
        bench.clock.now_ns = 499 * MS
        bench.stage.expire()
        assert not stuck.done()
        bench.clock.now_ns = 501 * MS
        bench.stage.expire()
        for future in (stuck, queued):
            out = answer(future)
            assert (out.detections.status, len(out.detections), out.labels) == ("timeout", 0, ("person", "car"))
        third = bench.stage.submit(shown(2))
        detector.go.release()
        detector.go.release()
        assert answer(third).detections.status == "ok"
        assert answer(stuck).detections.status == "timeout"
    assert bench.count("no_answer", "timeout") == 2
    assert bench.count("late_answers") == 1


def test_the_watch_sends_late_frames_on_by_itself() -> None:
    detector = Told(held=True)
    with Bench(detector, timeout_ms=20) as bench:
        future = bench.stage.submit(shown())
        assert detector.begun.acquire(timeout=WAIT_S)
        bench.clock.now_ns = 21 * MS
        assert answer(future).detections.status == "timeout"
        detector.go.release()


def test_a_failing_engine_gives_errors_told_once_and_counted_each(caplog: pytest.LogCaptureFixture) -> None:
    detector = Told()

    def broken(planes: Planes) -> Detections:
        raise RuntimeError("the accelerator went away")

    detector.answers, good = broken, detector.answers
    with Bench(detector, max_failures=10) as bench:
        for n in range(5):
            assert answer(bench.stage.submit(shown(n))).detections.status == "error"
        detector.answers = good
        assert answer(bench.stage.submit(shown(6))).detections.status == "ok"
    assert bench.count("no_answer", "error") == bench.count("detector_errors", "RuntimeError") == 5
    assert len([r for r in caplog.records if r.message == "the detector failed"]) == 1


def test_a_detector_that_says_itself_that_it_has_no_answer_is_believed() -> None:
    detector = Told()
    detector.answers = lambda planes: Detections.none("timeout")
    with Bench(detector) as bench:
        assert answer(bench.stage.submit(shown())).detections.status == "timeout"
    assert bench.count("no_answer", "timeout") == 1


def test_too_many_failures_in_a_row_stop_the_process_and_a_good_answer_between_counts_anew() -> None:
    detector = Told()
    good, bad = detector.answers, lambda planes: Detections.none("error")
    with Bench(detector, max_failures=3) as bench:
        for word in (bad, bad, good, bad, bad):
            detector.answers = word
            answer(bench.stage.submit(shown()))
        with pytest.raises(HardwareError, match="person-street gave no answer to 3 frames in a row"):
            answer(bench.stage.submit(shown()))


def test_hostile_boxes_of_a_model_do_not_get_in() -> None:
    detector = Told()
    detector.answers = lambda planes: boxes((float("nan"), 0, 9, 9, 0.9, 0), (-50, 0, 9000, 9, 0.9, 1), (5, 5, 5, 9, 0.9, 0))
    with Bench(detector) as bench:
        assert answer(bench.stage.submit(shown())).detections.xyxy.tolist() == [[0, 0, 640, 9]]
    assert bench.count("boxes_refused") == 2


def test_a_switch_between_two_frames_loses_none_and_each_says_who_saw_it() -> None:
    old, new = Told(held=True), Told(labels=("cat",), digest="sha256:2")
    with Bench(old, workers=2) as bench:
        before = [bench.stage.submit(shown(n)) for n in range(2)]
        for _ in before:
            assert old.begun.acquire(timeout=WAIT_S)
        bench.stage.use(new)
        waiting = bench.stage.submit(shown(2))
        old.go.release()
        old.go.release()
        outs = [answer(future) for future in (*before, waiting, bench.stage.submit(shown(3)))]
    assert [(out.frame.seq, out.model, out.labels[0]) for out in outs] == [
        (0, "sha256:1", "person"),
        (1, "sha256:1", "person"),
        (2, "sha256:2", "cat"),
        (3, "sha256:2", "cat"),
    ]


def test_who_watches_is_told_of_every_look_with_the_model_that_looked() -> None:
    old, new = Told(), Told(digest="sha256:2")
    seen: list[tuple[int, str | None]] = []
    with Bench(old) as bench:
        bench.stage.watch(lambda looked, took_ns: seen.append((looked.frame.seq, looked.model)))
        answer(bench.stage.submit(shown(0)))
        assert bench.stage.use(new) is old
        answer(bench.stage.submit(shown(1)))
        bench.stage.watch(None)
        answer(bench.stage.submit(shown(2)))
    assert seen == [(0, "sha256:1"), (1, "sha256:2")]


def test_models_that_change_all_the_time_lose_no_frame_and_mix_none() -> None:
    """Every answer is of the model that served when its frame's turn came, and those turns are in the frames' order."""
    models = [Told(digest=f"sha256:{n}") for n in range(50)]
    with Bench(models[0], workers=4) as bench:
        futures = []
        for number, model in enumerate(models):
            bench.stage.use(model)
            futures += [bench.stage.submit(shown(4 * number + n)) for n in range(4)]
        outs = [answer(future) for future in futures]
    numbers = [int((out.model or "").removeprefix("sha256:")) for out in outs]
    assert numbers == sorted(numbers)
    assert {out.detections.status for out in outs} == {"ok"}
    assert [out.frame.seq for out in outs] == list(range(200))


def test_a_new_model_that_fails_and_fails_gives_its_place_back_instead_of_stopping_the_process() -> None:
    old, new = Told(), Told(digest="sha256:2")

    def broken(planes: Planes) -> Detections:
        raise RuntimeError("no")

    new.answers = broken
    with Bench(old, max_failures=3) as bench:
        bench.stage.use(new)
        outs = [answer(bench.stage.submit(shown(n))) for n in range(5)]
        assert [out.detections.status for out in outs] == ["error"] * 3 + ["ok"] * 2
        assert bench.stage.detector is old
        bench.stage.use(new)
        assert bench.stage.release(old, 0)  # accepted: from now on there is nothing to go back to
        with pytest.raises(HardwareError):
            [answer(bench.stage.submit(shown(n))) for n in range(3)]


def test_a_model_that_keeps_its_workers_is_released_without_them_and_others_go_on() -> None:
    old, stuck = Told(), Told(digest="sha256:2", held=True)
    with Bench(old, workers=2, timeout_ms=100) as bench:
        bench.stage.use(stuck)
        lost = [bench.stage.submit(shown(n)) for n in range(2)]
        for _ in lost:
            assert stuck.begun.acquire(timeout=WAIT_S)
        bench.stage.use(old)
        assert not bench.stage.release(stuck, 0.01)
        assert not bench.stage.release(stuck, 0.01)  # asked again: nobody is replaced twice
        assert [answer(bench.stage.submit(shown(n))).model for n in range(2, 6)] == ["sha256:1"] * 4
        for _ in lost:
            stuck.go.release()
        assert bench.stage.release(stuck, WAIT_S)
        assert bench.stage.release(old, 0)
        assert len([thread for thread in bench.stage._threads if thread.name.startswith("detect-again")]) == 2


def test_a_model_without_a_class_that_is_asked_for_is_refused_and_the_old_one_stays() -> None:
    with Bench(Told(), classes=["car"]) as bench:
        with pytest.raises(BundleError, match="no class 'car'"):
            bench.stage.use(Told(labels=("cat",), digest="sha256:2"))
        assert answer(bench.stage.submit(shown())).model == "sha256:1"


def test_closing_finishes_what_is_queued_and_leaves_no_thread_behind() -> None:
    with Bench(Told(), workers=2) as bench:
        futures = [bench.stage.submit(shown(n)) for n in range(3)]
        bench.stage.close()
        assert all(answer(future).detections.status == "ok" for future in futures)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("detect-") and thread in bench.stage._threads]
