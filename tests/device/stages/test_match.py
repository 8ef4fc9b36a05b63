"""The stage that finds by pictures: its files, its rows, and what it says when it cannot."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from contracts.errors import ConfigError
from device.pipeline.protocols import Fingerprinted, FrameOnly
from device.stages.match import Match
from tests.device.stages.world import boxes, context, frame, scene
from vision.planes import BgrPlanes
from vision.types import Detections, Scene

NOISE = np.random.default_rng(0).integers(0, 255, (36, 64, 3), np.uint8)
SHOWN = np.asarray(cv2.resize(NOISE, (640, 360), interpolation=cv2.INTER_NEAREST), np.uint8)


def match(folder: Path, *, folders: tuple[Path, ...] | None = None, width: int = 640, **templates: dict[str, Any]) -> Match:
    options = Match.Options.model_validate({"templates": templates, "width": width, "screen": [640, 360]})
    return Match(options, replace(context(), folders=(folder,) if folders is None else folders))


def picture(path: Path, x: int = 100, y: int = 100, side: int = 60) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), SHOWN[y : y + side, x : x + side])
    return path


def shown(found: Detections | None = None, labels: tuple[str, ...] = ()) -> Scene:
    return Scene(frame(0, planes=BgrPlanes(SHOWN)), Detections.none() if found is None else found, labels)


def test_a_find_is_a_row_with_the_templates_name(tmp_path: Path) -> None:
    picture(tmp_path / "pics" / "a.png")
    stage = match(tmp_path, corner={"pictures": ["pics/a.png"]}, other={"pictures": ["pics/a.png"], "region": [0.5, 0.5, 1, 1]})
    after = stage(shown())
    assert [after.labels[number] for number in after.detections.class_id] == ["corner"]
    assert after.detections.xyxy.tolist() == [[100, 100, 160, 160]] and after.detections.status == "ok"


def test_rows_join_those_of_a_detector_and_its_silence_stays_silence(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    stage = match(tmp_path, corner={"pictures": ["a.png"]})
    after = stage(shown(boxes((1, 2, 3, 4, 0.5, 1)), ("person", "car")))
    assert [after.labels[number] for number in after.detections.class_id] == ["car", "corner"]
    assert stage(shown(Detections.none("timeout"))).detections.status == "timeout"


def test_it_looks_at_one_frame_only_and_says_what_its_pictures_are(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    stage = match(tmp_path, corner={"pictures": ["a.png"]})
    assert isinstance(stage, FrameOnly) and isinstance(stage, Fingerprinted)
    picture(tmp_path / "a.png", x=200)
    again = match(tmp_path, corner={"pictures": ["a.png"]})
    assert stage.fingerprint["templates"].startswith("sha256:") and stage.fingerprint != again.fingerprint


def test_a_picture_is_looked_for_beside_the_profile_and_then_beside_the_device_file(tmp_path: Path) -> None:
    here, there = tmp_path / "profile", tmp_path / "device"
    picture(there / "a.png")
    assert len(match(tmp_path, folders=(here, there), c={"pictures": ["a.png"]})(shown()).detections) == 1
    picture(here / "a.png", x=300)
    assert match(tmp_path, folders=(here, there), c={"pictures": ["a.png"]})(shown()).detections.xyxy[0, 0] == 300
    whole = str(picture(tmp_path / "far" / "b.png", x=400))
    assert match(tmp_path, folders=(here, there), c={"pictures": [whole]})(shown()).detections.xyxy[0, 0] == 400


def test_a_picture_that_is_not_there_is_said_with_the_folders(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"match: lost\.png is not there; put it into .+profile or .+device, or correct"):
        match(tmp_path, folders=(tmp_path / "profile", tmp_path / "device"), c={"pictures": ["lost.png"]})


@pytest.mark.parametrize("kind", ["folder", "pipe", "broken", "flat"])
def test_what_is_no_picture_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "odd.png"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "broken":
        path.write_bytes(picture(tmp_path / "a.png").read_bytes()[:50])
    else:
        cv2.imwrite(str(path), np.full((50, 50, 3), 200, np.uint8))
    with pytest.raises(ConfigError, match=r"odd\.png"):
        match(tmp_path, c={"pictures": ["odd.png"]})


def test_the_work_is_bounded_by_the_width_whatever_the_video_has(tmp_path: Path) -> None:
    sizes: set[tuple[int, int]] = set()

    class Asked(BgrPlanes):
        def rgb(self, width: int, height: int) -> Any:
            sizes.add((width, height))
            return super().rgb(width, height)

        def bgr(self) -> Any:
            raise AssertionError("the whole picture is not needed")

    picture(tmp_path / "a.png")
    stage = match(tmp_path, width=320, corner={"pictures": ["a.png"]})
    large = Asked(np.asarray(cv2.resize(SHOWN, (3840, 2160), interpolation=cv2.INTER_NEAREST), np.uint8))
    after = stage(Scene(frame(0, planes=large), Detections.none()))
    assert sizes == {(320, 180)}
    assert np.abs(after.detections.xyxy[0] - np.array([600, 600, 960, 960])).max() <= 12


def test_a_scene_without_anything_keeps_its_other_parts(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    before = scene(0, boxes((1, 2, 3, 4, 0.5, 1), track=np.array([7])))
    after = match(tmp_path, c={"pictures": ["a.png"]})(replace(before, frame=frame(0, planes=BgrPlanes(SHOWN[::-1].copy()))))
    assert after.detections.data["track"].tolist() == [7] and after.model == before.model
