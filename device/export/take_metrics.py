"""How good a take is: counts and rates from its detections and the pictures of its clips; the exporter's figures and the checker's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contracts.takes import Detection, DetectionQuality, PerformanceMetrics, TimingAccuracy
from device.export.detections import Located
from device.export.film import Film


def looked_at(located: Mapping[str, Located], start_ns: int, end_ns: int) -> tuple[int, int]:
    """Pictures between start and end that were looked at, and those of them that the model gave no answer to."""
    looks = {(camera, index): look for camera, each in located.items() for index, look in each.looks if start_ns <= look.mono_ns <= end_ns}
    return len(looks), sum(not look.answered for look in looks.values())


def metrics(
    films: Mapping[str, Film],
    detections: Mapping[str, Sequence[Detection]],
    span_ns: tuple[int, int],
    looks: tuple[int, int],
    observations: int,
) -> PerformanceMetrics:
    """`span_ns`: start and end; `looks`: those of `looked_at`."""
    start_ns, end_ns = span_ns
    seen = {(camera, each.frame_index) for camera, found in detections.items() for each in found if start_ns <= each.timestamp_ns <= end_ns}
    seconds = (end_ns - start_ns) / 1e9
    counts = {camera: len(found) for camera, found in detections.items()}
    return PerformanceMetrics(
        detection_quality=DetectionQuality(
            left_camera_detections=counts.get("left", 0),
            right_camera_detections=counts.get("right", 0),
            stereo_observations=observations,
            detection_rate_hz=round(len(seen) / seconds / max(1, len(detections)), 6) if seconds > 0 else 0.0,
            frames_with_no_detection=max(0, looks[0] - looks[1] - len(seen)),
            frames_analysed=looks[0],
            frames_without_answer=looks[1],
            camera_detections=counts,
        ),
        timing_accuracy=TimingAccuracy(
            pre_roll_frames_captured=min((film.before(start_ns) for film in films.values()), default=0),
            duration_ns=end_ns - start_ns,
            start_ns=start_ns,
            end_ns=end_ns,
        ),
    )
