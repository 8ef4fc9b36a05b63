"""The street by day, and the same street darkened: the model that ships with the box is less sure, and that is seen within hours."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from contracts.drift import DriftWindow
from device.drift.looks import Look
from device.drift.picture import Described, describe
from device.drift.window import Window
from tests.trainer.drift.worlds import MODEL
from trainer.drift.judging import Judged, judge
from trainer.drift.measures import Measure, rows_of
from trainer.drift.trace import trace
from vision.detector import open_detector
from vision.planes import BgrPlanes
from vision.types import Image

ROOT = Path(__file__).resolve().parents[3]
STREET = ROOT / ".cache" / "footage" / "street.mkv"
DAY, NORMAL, NOW = 24, 7 * 24, 18
EVERY, BLOCK, BLOCKS = 10, 6, 20  # every tenth picture; blocks of pictures that follow one another, so many an hour
DARK = 0.3
pytestmark = [pytest.mark.footage, pytest.mark.skipif(not STREET.exists(), reason="the street footage is not there: make test fetches it")]


class Seen:
    """Every picture looked at once, plain and darkened."""

    def __init__(self, pictures: list[Image]) -> None:
        detector = open_detector(ROOT / "models" / "person-street")
        self.labels = tuple(detector.labels)
        self.all: dict[bool, list[tuple[Look, Described]]] = {}
        for dark in (False, True):
            planes = [BgrPlanes((each * DARK).astype(np.uint8) if dark else each) for each in pictures]
            looks = [Look("street", MODEL, self.labels, detector.detect(each), each.width * each.height, 0) for each in planes]
            self.all[dark] = list(zip(looks, map(describe, planes), strict=True))

    def hour(self, rng: np.random.Generator, dark: bool) -> DriftWindow:
        """Of stretches of the film, drawn by chance, more of them in some hours than in others."""
        film, window = self.all[dark], Window()
        for start in rng.integers(0, len(film) - BLOCK, int(BLOCKS * rng.lognormal(0, 0.3)) + 1):
            part = film[start : start + BLOCK]
            window.add([look for look, _ in part])
            for _, picture in part:
                window.pictures.add(picture)
        return window.told("street", MODEL)


def pictures() -> list[Image]:
    with av.open(str(STREET)) as film:
        frames = [frame for number, frame in enumerate(film.decode(video=0)) if number % EVERY == 0][:40]
    return [np.asarray(frame.to_ndarray(format="bgr24", width=640, height=360), np.uint8) for frame in frames]


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen(pictures())


def judged(seen: Seen, seed: int, dark: bool) -> dict[str, Judged]:
    rng = np.random.default_rng(seed)
    hours = {hour: seen.hour(rng, dark and hour >= NORMAL) for hour in range(NORMAL + NOW)}
    rows = rows_of(hours, 0, NORMAL + NOW, seen.labels[:1])
    return {m.name: judge(m, trace(m.kind, each[:NORMAL], each[NORMAL:], NORMAL)) for m, each in rows.items()}


def test_a_darkened_street_is_a_drift_and_the_same_street_is_none(seen: Seen) -> None:
    """The model hardly finds fewer, and is less sure of them."""
    label = seen.labels[0]
    same = judged(seen, 1, dark=False)
    assert {each.state for each in same.values()} <= {"ok", "few"}
    dark = judged(seen, 1, dark=True)
    sure = dark[Measure("confidence", label).name]
    assert {sure.state, dark["brightness"].state, dark["sharpness"].state, dark["picture"].state} == {"drift"}
    assert (sure.after or 1) < (sure.before or 0)
    assert (dark["brightness"].after or 1) < 0.5 * (dark["brightness"].before or 0)
    assert sure.since is not None and sure.since <= 6
