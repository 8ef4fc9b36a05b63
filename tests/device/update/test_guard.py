"""The guard's rules, what is normal here, and what two models agree on: figures in, words out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.pipeline.tally import Tally
from device.update.agreement import Agreement
from device.update.baseline import HOUR_NS, Baseline
from device.update.guard import Flow, Shown, flaw
from device.update.looks import WAITING, Looks
from device.update.proof_options import ProofOptions
from device.update.seen import Seen, distance
from tests.device.stages.world import HandClock, boxes, scene
from vision.types import Detections

MS = 1_000_000
OPTIONS = ProofOptions(trial_frames=100)
LABELS = ("person", "car")
DIGEST = "sha256:" + "a" * 64


def shown(frames: int = 200, per_frame: int = 1, ms: float = 20, confidence: float = 0.8, class_id: int = 0, failed: int = 0) -> Seen:
    seen = Seen()
    row = (0, 0, 10, 10, confidence, class_id)
    for number in range(frames):
        found = Detections.none("error") if number < failed else boxes(*[row] * per_frame)
        seen.add(found, LABELS, int(ms * MS))
    return seen


NORMAL = shown(1000)
FLAWS: list[tuple[Shown, dict[str, Any], str]] = [
    (Shown(shown(), NORMAL), {}, ""),
    (Shown(shown(per_frame=0), NORMAL), {}, "0.00 boxes a frame, 1.00 are normal here; at least 0.3 of that (fewest)"),
    (Shown(shown(per_frame=5), NORMAL), {}, "5.00 boxes a frame, 1.00 are normal here; at most 4 times that (most)"),
    (Shown(shown(ms=60), NORMAL), {}, "at most 1.5 times that (slower)"),
    (Shown(shown(ms=60), NORMAL), {"p95_ms": 100}, ""),
    (Shown(shown(ms=160), NORMAL), {"p95_ms": 100}, "at most 100 (p95_ms)"),
    (Shown(shown(confidence=0.3), NORMAL), {}, "its confidences lie 1.00 from what is normal here"),
    (Shown(shown(class_id=1), NORMAL), {}, "its classes lie 1.00 from what is normal here"),
    (Shown(shown(failed=6), NORMAL), {}, "no answer to 6 of 200 frames"),
    (Shown(shown(failed=4), NORMAL), {}, ""),
    (Shown(shown(frames=5, failed=5), NORMAL), {}, "no answer to 5 of 5 frames"),
    (Shown(shown(frames=99, per_frame=0), NORMAL), {}, ""),
    (Shown(shown(per_frame=0), shown(50)), {}, ""),
    (Shown(shown(per_frame=0), shown(1000, per_frame=0)), {}, ""),
    (Shown(shown(), NORMAL, Flow(200, 100), Flow(1000, 0)), {}, "33 % of the frames are dropped, 0 % before"),
    (Shown(shown(), NORMAL, Flow(200, 100), Flow(1000, 500)), {}, ""),
    (Shown(shown(), NORMAL, grown_mb=300), {}, "this box grew by 300 MB"),
]


@pytest.mark.parametrize(("seen", "said", "words"), FLAWS)
def test_what_is_not_normal_here_is_named(seen: Shown, said: dict[str, Any], words: str) -> None:
    found = flaw(seen, OPTIONS.model_copy(update=said))
    assert (found is not None) == bool(words)
    if found:
        assert words in found[1]
        assert found[0] == ("E_BUDGET" if seen.grown_mb else "E_QUALITY")


@given(st.floats(0.01, 500_000), st.integers(1, 50))
def test_the_95th_of_100_looks_is_known_within_a_tenth(ms: float, count: int) -> None:
    seen = Seen()
    for _ in range(count):
        seen.add(Detections.none(), LABELS, int(ms * MS))
    assert max(ms, 0.1) * 0.9 <= seen.p95_ms <= max(ms, 0.1) * 1.22


@given(st.dictionaries(st.integers(0, 9), st.integers(0, 99)), st.dictionaries(st.integers(0, 9), st.integers(0, 99)))
def test_distance_lies_between_the_same_and_nothing_in_common(a: dict[int, int], b: dict[int, int]) -> None:
    assert 0 <= distance(a, b) <= 1 + 1e-9
    assert distance(a, a) == 0
    assert distance(a, b) == pytest.approx(distance(b, a))


def test_what_is_normal_is_kept_and_is_that_of_the_hour(tmp_path: Path) -> None:
    clock = HandClock()
    baseline = Baseline(tmp_path / "baseline.json", clock)
    baseline.add(DIGEST, shown(300, per_frame=4))
    clock.now_ns += 12 * HOUR_NS
    baseline.add(DIGEST, shown(300, per_frame=0))
    baseline.save()
    again = Baseline(tmp_path / "baseline.json", clock)
    assert again.digest == DIGEST
    assert again.near(100).per_frame == 0
    assert again.near(1000).per_frame == 2  # not enough of this hour: the whole day
    clock.now_ns -= 11 * HOUR_NS
    assert again.near(100).per_frame == 4
    again.add("sha256:" + "b" * 64, shown(10))
    assert again.near(1).frames == 10


@pytest.mark.parametrize("content", [b"", b"{}", b'{"v": 9}', b"\0" * 100])
def test_a_spoilt_baseline_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "baseline.json").write_bytes(content)
    assert Baseline(tmp_path / "baseline.json", HandClock()).near(1).frames == 0


def test_old_habits_count_less(tmp_path: Path) -> None:
    baseline, clock = Baseline(tmp_path / "b.json", HandClock()), HandClock()
    assert clock
    many = shown(1)
    many = replace(many, frames=150_000)
    baseline.add(DIGEST, many)
    baseline.add(DIGEST, many)
    assert baseline.near(1).frames == 150_000


def test_agreement_is_of_boxes_of_one_class_in_one_place() -> None:
    report = Agreement(0.5)
    old = boxes((0, 0, 10, 10, 0.9, 0), (50, 50, 60, 60, 0.5, 1))
    assert report.compare(old, LABELS, boxes((0, 0, 10, 9, 0.8, 1), (50, 50, 60, 60, 0.7, 0)), ("car", "person"))
    assert (report.share, report.largest_difference) == (1.0, pytest.approx(0.2))
    assert not report.compare(old, LABELS, boxes((0, 0, 10, 10, 0.9, 0), (0, 0, 10, 10, 0.8, 0), (90, 0, 99, 9, 0.6, 1)), LABELS)
    assert (report.both["person"], report.only_new["person"], report.only_old["car"], report.only_new["car"]) == (2, 1, 1, 1)
    assert report.share == pytest.approx(3 / 6)
    assert "person: both 2, old 0, new 1" in report.words()
    assert report.mean_difference == pytest.approx((0.1 + 0.2 + 0) / 3)


@given(st.integers(0, 6), st.integers(0, 6), st.randoms())
def test_no_box_is_counted_twice(a: int, b: int, rng: Any) -> None:
    def some(n: int) -> Detections:
        rows = [(rng.uniform(0, 20), rng.uniform(0, 20)) for _ in range(n)]
        return boxes(*[(x, y, x + 15, y + 15, 0.5, rng.randrange(2)) for x, y in rows])

    report, old, new = Agreement(0.3), some(a), some(b)
    report.compare(old, LABELS, new, LABELS)
    both = sum(report.both.values())
    assert both + sum(report.only_old.values()) == a
    assert both + sum(report.only_new.values()) == b


def test_looks_that_nobody_takes_are_bounded_and_counted() -> None:
    tally = Tally()
    looks = Looks(tally)
    one = replace(scene(0, boxes((0, 0, 9, 9, 0.5, 0)), 0), model=DIGEST, labels=LABELS)
    for _ in range(WAITING + 7):
        looks(one, MS)
    assert looks.take()[DIGEST].frames == WAITING
    assert tally.get("left", "not_compared", "late") == 7
    assert looks.take() == {}
    assert looks.next(0.01) is None
    assert np.isclose(looks.unanswered, 0)
