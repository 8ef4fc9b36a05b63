"""The files of sessions and calibration: names as in the specification, finite numbers, counts that agree, and back again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.calibration import Intrinsics, RoiAnnotations, StereoGeometry, StrikeZone, calibration_files
from contracts.takes import CameraDetections, Detection, Observation, StereoObservations
from contracts.wire import Wire

PITCH = "session-2026-01-16_001-pitch-001"
DETECTION = {"frame_index": 3, "timestamp_ns": 12, "u_px": 1.5, "v_px": 2.5, "radius_px": 4, "confidence": 0.5}
OBSERVATION = {
    "timestamp_ns": 12, "left_px": [1.5, 2], "right_px": [3, 4], "X_ft": 0.1, "Y_ft": 30, "Z_ft": 4, "quality": 0.4, "confidence": 0.9,
}  # fmt: skip
GOOD: list[tuple[type[Wire], dict[str, Any]]] = [
    (CameraDetections, {"pitch_id": PITCH, "camera": "left", "detection_count": 1, "detections": [DETECTION]}),
    (StereoObservations, {"pitch_id": PITCH, "observation_count": 1, "observations": [OBSERVATION]}),
    (StereoGeometry, {"baseline_ft": 4, "convergence_angle_deg": 6.5, "camera_height_ft": 5, "distance_to_plate_ft": 40}),
    (Intrinsics, {"camera_id": "left", "fx": 900, "fy": 901, "cx": 640, "cy": 360, "distortion_k1": -0.1, "distortion_k2": 0.01}),
    (RoiAnnotations, {"lane_gate_polygon": [[0, 0], [9, 0], [9, 9]], "plate_gate_polygon": [[0, 0], [9, 0], [9, 9.5]]}),
    (StrikeZone, {name: [0, 1.5, 2] for name in ("top_left_ft", "top_right_ft", "bottom_left_ft", "bottom_right_ft")}),
]  # fmt: skip


@pytest.mark.parametrize(("model", "value"), GOOD, ids=lambda each: getattr(each, "__name__", ""))
def test_the_fields_of_the_specification_are_enough_and_all_needed(model: type[Wire], value: dict[str, Any]) -> None:
    read = model.model_validate_json(json.dumps(value))
    assert model.model_validate_json(read.model_dump_json()) == read
    for name in value:
        with pytest.raises(ValidationError):
            model.model_validate_json(json.dumps({key: each for key, each in value.items() if key != name}))


def leaves(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where numbers are."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, each in pairs for leaf in leaves(each, (*at, key))]
    return [at] if isinstance(value, int | float) else []


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "1", None, True, 1e300])
@pytest.mark.parametrize(("model", "value"), GOOD, ids=lambda each: getattr(each, "__name__", ""))
def test_a_number_that_is_none_is_refused_wherever_it_stands(model: type[Wire], value: dict[str, Any], bad: Any) -> None:
    for place in leaves(value):
        spoilt = json.loads(json.dumps(value))
        inner = spoilt
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = bad
        with pytest.raises(ValidationError):
            model.model_validate_json(json.dumps(spoilt))


@pytest.mark.parametrize("pitch", ["session-2026-01-16_001", "../x", "session-2026-01-16_001-pitch-1", "a" * 100_000])
def test_an_id_is_the_name_of_a_folder_and_nothing_else(pitch: str) -> None:
    with pytest.raises(ValidationError):
        CameraDetections(pitch_id=pitch, camera="left", detection_count=0, detections=[])


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(-1e4, 1e4), st.floats(0, 1)), max_size=20))
def test_detections_come_back_as_they_were(rows: list[tuple[int, float, float]]) -> None:
    found = [
        Detection(frame_index=n, timestamp_ns=n * 40, u_px=x, v_px=-x, radius_px=abs(x), confidence=c)
        for n, x, c in sorted(rows, key=lambda r: r[0])
    ]
    whole = CameraDetections(pitch_id=PITCH, camera="left", detection_count=len(found), detections=found)
    assert CameraDetections.model_validate_json(whole.model_dump_json()) == whole
    with pytest.raises(ValidationError, match="detection_count"):
        CameraDetections(pitch_id=PITCH, camera="left", detection_count=len(found) + 1, detections=found)


def test_observations_are_in_the_order_of_time() -> None:
    one = Observation.model_validate_json(json.dumps(OBSERVATION))
    with pytest.raises(ValidationError, match="order"):
        StereoObservations(pitch_id=PITCH, observation_count=2, observations=[one, one.model_copy(update={"timestamp_ns": 1})])


def test_a_calibration_is_three_files_and_one_a_camera() -> None:
    assert sorted(calibration_files(["left", "right"])) == [
        "intrinsics_left.json", "intrinsics_right.json", "roi_annotations.json", "stereo_geometry.json", "strike_zone_definition.json",
    ]  # fmt: skip
