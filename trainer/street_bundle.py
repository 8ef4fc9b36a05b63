"""models/person-street as it is written: exported, measured on what it never saw, with its card and its golden answers."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from trainer.drawn import Drawn, read_drawn
from trainer.evaluate import best_point
from trainer.export import to_onnx
from trainer.footage import frames
from trainer.learn import Schedule
from trainer.lessons import Lessons
from trainer.measure import FLOOR, Figures, answers, cpu_ms, figures
from trainer.network import Network, weights
from trainer.packages import Package
from trainer.street_card import card, fields
from vision.bundle import StoredBundle
from vision.bundle_write import write_bundle
from vision.detector import open_detector
from vision.golden import golden_answer
from vision.types import Image

SIZE = (384, 512)  # height, width the model is made for
GOLDEN = (468, 546)  # in the gaps between the parts: neither learnt from nor measured on
QUALITY = 90


@dataclass(frozen=True)
class Judged:
    """Figures by what they were measured against, at the confidence that was chosen before."""

    confidence: float
    figures: dict[str, Figures]
    cpu_ms: float


def bundle(
    target: Path, network: Network, lessons: Lessons, video: Path, drawn: Path, schedule: Schedule, packages: Sequence[Package]
) -> tuple[StoredBundle, Judged]:
    """First a draft to measure, then the bundle with what was measured."""
    model = to_onnx(network, SIZE)
    basic = {**fields(SIZE), "dataset": lessons.digest()}
    with tempfile.TemporaryDirectory(prefix="vedette-draft-") as scratch:
        draft = write_bundle(Path(scratch) / "draft", {**basic, "min_confidence": FLOOR}, {"model.onnx": model})
        judged = judge(draft, lessons, video, read_drawn(drawn))
    said = {name: value.rounded() for name, value in judged.figures.items()}
    counts = {"weights": weights(network), "model_bytes": len(model), "cpu_ms_1_thread": round(judged.cpu_ms, 1)}
    metrics = {**said, **counts, "confidence": judged.confidence}
    pictures = {f"golden/{i:04d}.jpg": _jpeg(lessons.images[i]) for i in GOLDEN}
    text = card(metrics, schedule, packages, lessons.split)
    contents = {"model.onnx": model, "CARD.md": text.encode(), "hand.json": drawn.read_bytes(), **pictures}
    return _promised(target, {**basic, "min_confidence": judged.confidence, "metrics": metrics}, contents), judged


def judge(draft: StoredBundle, lessons: Lessons, video: Path, drawn: Drawn) -> Judged:
    """The confidence is chosen on the validation part; the test part is looked at once, with it."""
    choosing, testing = lessons.truths("validation"), lessons.truths("test")
    images = {**lessons.images, **frames(video, drawn.truths)}
    detector = open_detector(draft)
    said = answers(detector, {i: images[i] for i in {*choosing, *testing, *drawn.truths}})
    spent_ms = cpu_ms(detector, lessons.images[GOLDEN[0]])
    detector.close()
    confidence = best_point([choosing[i] for i in sorted(choosing)], [said[i] for i in sorted(choosing)]).confidence
    against = {"validation_teacher": choosing, "test_teacher": testing, "test_hand": drawn.truths}
    return Judged(confidence, {name: figures(truths, said, confidence) for name, truths in against.items()}, spent_ms)


def _promised(target: Path, described: dict[str, object], contents: dict[str, bytes]) -> StoredBundle:
    """Written with what it says today about its golden pictures."""
    with tempfile.TemporaryDirectory(prefix="vedette-draft-") as scratch:
        detector = open_detector(write_bundle(Path(scratch) / "draft", described, contents))
        golden = [golden_answer(detector, data, name) for name, data in contents.items() if name.startswith("golden/")]
        detector.close()
    return write_bundle(target, {**described, "golden": golden}, contents)


def _jpeg(image: Image) -> bytes:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return bytes(np.asarray(data).tobytes())
