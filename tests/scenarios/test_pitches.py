"""Two cameras, throws, a box that is `vedette run`: sessions that pass verify-export, also after kill -9 in the middle of a take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.device.record.footage import BITS, BLOCK
from tests.scenarios.pitches import FPS, THROWS, film, pitch_box, takes_in
from tests.scenarios.stage import Box, run_vedette

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    return {"left": film(folder / "left.mkv"), "right": film(folder / "right.mkv", side=-1)}


@pytest.fixture
def boxes() -> Iterator[list[Box]]:
    started: list[Box] = []
    yield started
    for box in started:
        if box.process and box.process.poll() is None:
            box.process.kill()
            box.process.wait(10)


def number_in(path: Path) -> int:
    luma = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    return sum(1 << bit for bit in range(BITS) if luma[16:48, bit * BLOCK + 5 : (bit + 1) * BLOCK - 5].mean() > 110)


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return found


def verified(session: Path) -> dict[str, Any]:
    done = run_vedette("verify-export", str(session), "--json", folder=session)
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if found["ok"] else 1), done.stderr
    return found


def test_throws_become_takes_of_both_cameras_and_the_session_is_whole(films: dict[str, Path], tmp_path: Path, boxes: list[Box]) -> None:
    boxes.append(box := Box(pitch_box(tmp_path, films)).start())
    box.until(lambda: len(takes_in(box.data)) == len(THROWS), 40)
    assert box.stop() == 0
    folders = takes_in(box.data)
    assert [folder.name[-10:] for folder in folders] == ["-pitch-001", "-pitch-002"]
    found = verified(folders[0].parent)
    assert found["ok"], found
    for folder, (begin, end) in zip(folders, THROWS, strict=True):
        manifest = manifest_of(folder)
        for camera in ("left", "right"):
            clip = next(each for each in manifest["clips"] if each["camera"] == camera)
            numbers = {
                each["moment"]: number_in(folder / "frames" / camera / each["file"]) for each in manifest["frames"][camera]["key_frames"]
            }
            indexes = {each["moment"]: each["frame_index"] for each in manifest["frames"][camera]["key_frames"]}
            assert all(numbers[moment] == clip["first_frame"] + indexes[moment] for moment in numbers), "the picture is the one it says"
            assert numbers["first_detection"] == pytest.approx(begin * FPS, abs=2)
            assert numbers["last_detection"] == pytest.approx(end * FPS - 1, abs=2)
            assert numbers["post_roll_last"] == clip["last_frame"]
            assert clip["post_roll_ms"] == pytest.approx(500, abs=100)
    assert {event["kind"] for event in box.events()} == {"pitch"}
    assert not list(box.data.glob("clips/*/*/*")), "no second copy"


def test_kill_9_in_the_middle_of_a_take_costs_its_end_and_nothing_else(films: dict[str, Path], tmp_path: Path, boxes: list[Box]) -> None:
    long = {name: film(tmp_path / f"{name}.mkv", ((1.6, 2.4), (4.2, 9.5)), 10.0, side=1) for name in films}
    boxes.append(box := Box(pitch_box(tmp_path, long)).start())
    box.until(lambda: len(takes_in(box.data)) == 1, 40)
    part = "recordings/session-*/session-*-pitch-002/left.mp4.part"
    box.until(lambda: any(path.stat().st_size > 12_000 for path in box.data.glob(part)), 40)
    assert box.process
    box.process.kill()
    box.process.wait(10)
    assert list(box.data.glob(part)), "a torn file is not taken for a good one"
    box.start()
    box.until(lambda: len(takes_in(box.data)) >= 2, 40)
    assert box.stop() == 0
    first, second = takes_in(box.data)[:2]
    assert manifest_of(first)["state"] == "complete"
    cut = manifest_of(second)
    assert (cut["state"], cut["reason"]) == ("recovered", "cut off")
    assert all(clip["frames"] > 20 for clip in cut["clips"])
    assert sum(cut["performance_metrics"]["detection_quality"]["camera_detections"].values()) > 10
    session = json.loads((first.parent / "manifest.json").read_text())
    assert (session["state"], session["reason"], len(session["takes"])) == ("complete", "cut off", 2)
    found = verified(first.parent)
    assert found["ok"], found
    assert not [path for path in first.parent.rglob("*") if path.name.endswith((".part", ".tmp", ".copy"))]


def test_a_recording_played_again_gives_the_same_takes(films: dict[str, Path], tmp_path: Path) -> None:
    device = pitch_box(tmp_path, {"left": films["left"]}, calibrated="none")
    told = []
    for out in ("a", "b"):
        done = run_vedette(
            "replay",
            str(films["left"]),
            "--config",
            str(device),
            "--keep",
            "--start",
            "2026-01-02T03:04:05Z",
            "--output",
            out,
            folder=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        session = tmp_path / out / "left" / "recordings" / "session-2026-01-02_001"
        assert verified(session)["ok"], verified(session)
        folders = sorted(session.glob("*-pitch-*"))
        assert len(folders) == len(THROWS)
        told.append([[clip["sha256"] for clip in manifest_of(folder)["clips"]] for folder in folders])
    assert told[0] == told[1]
