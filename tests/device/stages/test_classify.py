"""The stage that has one word for a picture: its row, its feature, and what it does without an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.errors import BundleError, ConfigError, HardwareError
from device.pipeline.context import Classifier, Context
from device.pipeline.protocols import Fingerprinted, FrameOnly
from device.stages.classify import Classify
from tests.device.stages.world import boxes, context, frame
from tests.vision.test_classify import colour_bundle, painted
from vision.classify import Classified, open_classifier
from vision.planes import BgrPlanes
from vision.types import Detections, Planes, Scene


@dataclass
class Told:
    """Answers as it is told."""

    answers: list[Classified]
    labels: tuple[str, ...] = ("menu", "fight", "other")
    digest: str = "sha256:" + "1" * 64
    min_confidence: float = 0.5
    class_confidence: Mapping[str, float] = field(default_factory=lambda: {"fight": 0.9})
    fingerprint: Mapping[str, str] = field(default_factory=lambda: {"classifier": "x"})
    seen: list[tuple[int, int]] = field(default_factory=list)

    def classify(self, planes: Planes) -> Classified:
        self.seen.append((planes.width, planes.height))
        return self.answers.pop(0)


def says(*scores: float) -> Classified:
    return Classified(np.array(scores, np.float32))


def with_classifier(classifier: Classifier) -> Context:
    return replace(context(), open_classifier=lambda _: classifier)


def stage(classifier: Told, **options: Any) -> Classify:
    return Classify(Classify.Options.model_validate({"bundle": "screens", **options}), with_classifier(classifier))


def scene(found: Detections | None = None, labels: tuple[str, ...] = ()) -> Scene:
    return Scene(frame(0, planes=BgrPlanes(painted(9, 9, 9, size=(100, 200)))), found or Detections.none(), labels)


def test_the_likeliest_label_is_a_row_over_the_picture_and_a_feature() -> None:
    after = stage(Told([says(0.7, 0.2, 0.1)]))(scene(boxes((1, 2, 3, 4, 0.5, 0)), ("person",)))
    assert [after.labels[number] for number in after.detections.class_id] == ["person", "menu"]
    assert after.detections.xyxy[1].tolist() == [0, 0, 200, 100] and after.detections.confidence[1] == pytest.approx(0.7)
    assert after.features["scene"] == "menu" and after.model == "sha256:" + "1" * 64


def test_what_is_not_likely_enough_is_neither_and_each_class_may_need_more() -> None:
    classify = stage(Told([says(0.45, 0.35, 0.2), says(0.1, 0.85, 0.05), says(0.04, 0.92, 0.04)]))
    assert [classify(scene()).features.get("scene") for _ in range(3)] == [None, None, "fight"]
    own = stage(Told([says(0.45, 0.35, 0.2), says(0.1, 0.85, 0.05)]), min_confidence=0.4)
    assert [own(scene()).features.get("scene") for _ in range(2)] == ["menu", "fight"]


def test_a_label_that_is_no_news_makes_no_row() -> None:
    after = stage(Told([says(0.1, 0.1, 0.8)]), ignore=["other"])(scene())
    assert len(after.detections) == 0 and "scene" not in after.features and after.detections.status == "ok"


def test_it_looks_at_its_region_and_the_row_lies_there() -> None:
    told = Told([says(0.7, 0.2, 0.1)])
    after = stage(told, region=[0.5, 0.25, 1, 0.5])(scene())
    assert told.seen == [(100, 25)] and after.detections.xyxy.tolist() == [[100, 25, 200, 50]]


def test_without_an_answer_there_is_none_whatever_others_saw_and_it_ends_when_that_lasts() -> None:
    classify = stage(Told([Classified(status="error"), says(0.7, 0.2, 0.1), *[Classified(status="timeout")] * 3]), max_failures=3)
    assert classify(scene(boxes((1, 2, 3, 4, 0.5, 0)), ("person",))).detections.status == "error"
    assert classify(scene()).detections.status == "ok"
    assert [classify(scene()).detections.status for _ in range(2)] == ["timeout", "timeout"]
    with pytest.raises(HardwareError, match="classify: model screens gave no answer to 3 frames in a row"):
        classify(scene())


def test_a_bundle_that_is_none_or_has_not_that_label_is_the_owners_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"screens has no label 'menus'; it has menu, fight, other; correct classify\.ignore"):
        stage(Told([]), ignore=["menus"])

    def nothing(name: str) -> Classifier:
        raise BundleError(f"bundle {name}: not on this box")

    with pytest.raises(ConfigError, match="classify: bundle screens: not on this box"):
        Classify(Classify.Options(bundle="screens"), replace(context(), open_classifier=nothing))


def test_with_a_real_model_and_it_looks_at_one_frame_only(tmp_path: Path) -> None:
    real = open_classifier(colour_bundle(tmp_path / "b.vdb"))
    classify = Classify(Classify.Options(bundle="main-colour"), with_classifier(real))
    after = classify(Scene(frame(0, planes=BgrPlanes(painted(20, 20, 220))), Detections.none()))
    assert after.features["scene"] == "red" and after.detections.confidence[0] > 0.99
    assert isinstance(classify, FrameOnly) and isinstance(classify, Fingerprinted) and classify.fingerprint["classifier"] == real.digest
