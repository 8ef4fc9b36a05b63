"""verify-export: a good session passes; take away or spoil any file and it says which."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from device.export.verify import verify_session
from device.films import frames_of
from device.main import main
from tests.device.record.sitting import Sitting

THROWS = ((40, 60), (100, 115))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Sitting(tmp_path_factory.mktemp("session")).play(THROWS).stop().session


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Sitting(tmp_path_factory.mktemp("small"), frame_save_interval=12).play(((30, 36),), 70).stop().session


@pytest.fixture
def session(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded, tmp_path / recorded.name))


def faults(session: Path) -> dict[str, list[str]]:
    """Errors by file."""
    found: dict[str, list[str]] = {}
    for finding in verify_session(session, frames_of):
        if finding.level == "error":
            assert finding.mend, finding
            found.setdefault(finding.what, []).append(finding.text)
    return found


def files(session: Path) -> list[Path]:
    return sorted(path.relative_to(session) for path in session.rglob("*") if path.is_file())


def changed(path: Path, change: Callable[[Any], Any]) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def test_a_good_session_has_every_file_of_the_layout_and_passes(session: Path) -> None:
    assert faults(session) == {}
    names = {str(name) for name in files(session)}
    first = f"{session.name}-pitch-001"
    wanted = {
        "manifest.json", "calibration/stereo_geometry.json", "calibration/intrinsics_left.json", "calibration/intrinsics_right.json",
        "calibration/roi_annotations.json", "calibration/strike_zone_definition.json", f"{first}/manifest.json", f"{first}/left.mp4",
        f"{first}/right.mp4", f"{first}/detections/left_detections.json", f"{first}/detections/right_detections.json",
        f"{first}/observations/stereo_observations.json",
    }  # fmt: skip
    moments = ("pre_roll_first", "pre_roll_last", "first_detection", "last_detection", "post_roll_last")
    wanted |= {f"{first}/frames/{camera}/{moment}.png" for camera in ("left", "right") for moment in moments}
    assert wanted <= names
    assert not [name for name in names if ".part" in name or ".tmp" in name]


def test_each_file_that_is_taken_away_is_named(small: Path, tmp_path: Path) -> None:
    for number, name in enumerate(files(small)):
        copy = Path(shutil.copytree(small, tmp_path / str(number) / small.name, copy_function=os.link))
        (copy / name).unlink()
        assert any("is missing" in text for text in faults(copy).get(str(name), [])), name


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "torn": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "garbled": lambda data: data[: len(data) // 3] + b"\x5a\xa5" * 20 + data[len(data) // 3 + 40 :],
    "hostile": lambda data: b"[" * 200_000,
}  # fmt: skip


@pytest.mark.parametrize("how", sorted(SPOILT))
def test_each_file_that_is_spoilt_is_named(how: str, small: Path, tmp_path: Path) -> None:
    kinds: dict[str, Path] = {}
    for name in files(small):
        kinds.setdefault(name.name if name.suffix != ".png" else name.suffix, name)
    for number, name in enumerate(kinds.values()):
        copy = Path(shutil.copytree(small, tmp_path / str(number) / small.name))
        data = (copy / name).read_bytes()
        (copy / name).write_bytes(SPOILT[how](data))
        assert str(name) in faults(copy), (how, name)


def take(session: Path, number: int = 1) -> Path:
    return session / f"{session.name}-pitch-{number:03d}"


def test_a_take_that_is_gone_or_does_not_belong_there_is_named(session: Path) -> None:
    shutil.rmtree(take(session, 2))
    (session / f"{session.name}-pitch-007").mkdir()
    found = faults(session)
    assert "this take's folder is missing" in found[f"{session.name}-pitch-002"]
    assert found[f"{session.name}-pitch-007"] == ["is not in the session's manifest"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (("detection_quality", "left_camera_detections"), 3, "left_camera_detections is 3"),
        (("detection_quality", "detection_rate_hz"), 99.5, "detection_rate_hz is 99.5"),
        (("detection_quality", "frames_with_no_detection"), 7, "frames_with_no_detection is 7"),
        (("detection_quality", "stereo_observations"), 4, "stereo_observations is 4"),
        (("timing_accuracy", "pre_roll_frames_captured"), 1, "pre_roll_frames_captured is 1"),
        (("timing_accuracy", "duration_ns"), 5, "duration_ns is 5"),
    ],
)
def test_metrics_are_worked_out_again(name: tuple[str, str], value: float, words: str, session: Path) -> None:
    path = take(session) / "manifest.json"
    changed(path, lambda manifest: manifest["performance_metrics"][name[0]].update({name[1]: value}))
    assert any(words in text for text in faults(session)[f"{take(session).name}/manifest.json"])


def test_counts_places_and_times_of_detections_have_to_agree(session: Path) -> None:
    path = take(session) / "detections" / "left_detections.json"
    whole = path.read_text()
    spoilt: list[tuple[Callable[[Any], Any], str]] = [
        (lambda value: value.update(detection_count=1), "detection_count is 1"),
        (lambda value: value["detections"][-1].update(frame_index=4000), "names picture 4000"),
        (lambda value: [each.update(timestamp_ns=each["timestamp_ns"] + 10**9) for each in value["detections"]], "times lie up to"),
        (lambda value: value.update(camera="right"), "camera right"),
        (lambda value: value["detections"][0].update(u_px="12"), "valid number"),
        (lambda value: value["detections"].reverse(), "not in the order"),
    ]
    for change, words in spoilt:
        path.write_text(whole)
        changed(path, change)
        assert any(words in text for text in faults(session)[str(path.relative_to(session))]), words
    path.write_text(whole.replace('"u_px": ', '"u_px": NaN, "was": ', 1))
    assert any("finite" in text for text in faults(session)[str(path.relative_to(session))])


def test_the_pre_roll_is_held_or_the_manifest_says_why_not(session: Path) -> None:
    path = take(session) / "manifest.json"
    changed(path, lambda manifest: [clip.update(begins="as asked") for clip in manifest["clips"]])
    assert any("early, and the manifest does not say so" in text for text in faults(session)[f"{take(session).name}/left.mp4"])
    changed(path, lambda manifest: manifest.update(pre_roll_ms=5000))
    assert any("later than the pre-roll asks" in text for text in faults(session)[f"{take(session).name}/left.mp4"])


def test_a_key_frame_of_another_size_or_picture_is_named(session: Path) -> None:
    path = take(session) / "frames" / "right" / "first_detection.png"
    path.unlink()
    cv2.imwrite(str(path), np.zeros((100, 100, 3), np.uint8))
    assert faults(session)[str(path.relative_to(session))] == ["is 100x100, its camera 320x240"]
    manifest = take(session) / "manifest.json"
    changed(manifest, lambda value: value["frames"]["left"]["key_frames"].pop(0))
    assert any("pre_roll_first 0 times" in text for text in faults(session)[str(manifest.relative_to(session))])


def test_nothing_outside_of_the_session_is_read(session: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.mp4"
    clip = take(session) / "left.mp4"
    clip.rename(outside)
    clip.symlink_to(outside)
    changed(take(session, 2) / "manifest.json", lambda manifest: manifest["clips"][0].update(file="../../outside.mp4"))
    found = faults(session)
    assert "link" in found[f"{take(session).name}/left.mp4"][0]
    assert any("its clip is called '../../outside.mp4'" in text for text in found[f"{take(session, 2).name}/manifest.json"])


def test_a_session_that_was_never_calibrated_is_not_whole(tmp_path: Path) -> None:
    session = Sitting(tmp_path, calibrate=False).play(THROWS[:1], 90).stop().session
    assert set(faults(session)) == {
        "calibration/stereo_geometry.json", "calibration/strike_zone_definition.json", "calibration/intrinsics_left.json",
        "calibration/intrinsics_right.json",
    }  # fmt: skip


def test_switches_that_are_off_leave_nothing_and_nothing_is_missed(tmp_path: Path) -> None:
    off = {"save_detections": False, "save_observations": False, "save_training_frames": False, "calibrated": "none"}
    session = Sitting(tmp_path, calibrate=False, **off).play(THROWS[:1], 90).stop().session
    assert {path.name for path in take(session).iterdir()} == {"left.mp4", "right.mp4", "manifest.json"}
    assert faults(session) == {}


def test_the_command_prints_by_file_and_exits_with_1(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify-export", str(session)]) == 0
    (take(session) / "left.mp4").unlink()
    capsys.readouterr()
    assert main(["verify-export", str(session), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert not said["ok"]
    assert any(each["what"].endswith("left.mp4") and each["mend"] for each in said["findings"])
    assert main(["verify-export", str(session / "nowhere")]) == 2
