"""Detections of one camera in a take, by the picture of its clip; and the observations, which stereo adds to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from contracts.files import file_name, write_durably
from contracts.takes import CameraDetections, Detection, StereoObservations, TakeLook
from contracts.wire import Wire
from device.export.film import Film


@dataclass(frozen=True, slots=True)
class Located:
    """A camera's looks by the picture of its clip; `outside`: detections in pictures that the clip has not."""

    looks: tuple[tuple[int, TakeLook], ...]
    outside: int = 0

    def detections(self) -> list[Detection]:
        return [
            Detection(frame_index=index, timestamp_ns=look.mono_ns, u_px=u, v_px=v, radius_px=max(0.0, radius), confidence=confidence)
            for index, look in self.looks
            for u, v, radius, confidence in look.found
        ]


def locate(looks: Iterable[TakeLook], film: Film | None) -> Located:
    found: list[tuple[int, TakeLook]] = []
    outside = 0
    for look in looks:
        index = film.index_of(look.pts_ns) if film else None
        if index is None:
            outside += len(look.found)
        else:
            found.append((index, look))
    return Located(tuple(sorted(found, key=lambda each: (each[0], each[1].mono_ns))), outside)


def detections_path(folder: Path, camera: str) -> Path:
    return folder / "detections" / f"{file_name(camera)}_detections.json"


def observations_path(folder: Path) -> Path:
    return folder / "observations" / "stereo_observations.json"


def write_detections(folder: Path, pitch_id: str, camera: str, found: list[Detection]) -> None:
    whole = CameraDetections(pitch_id=pitch_id, camera=camera, detection_count=len(found), detections=found)
    write_json(detections_path(folder, camera), whole)


def write_observations(folder: Path, whole: StereoObservations) -> None:
    write_json(observations_path(folder), whole)


def write_json(path: Path, whole: Wire) -> None:
    write_durably(path, whole.model_dump_json(indent=1).encode() + b"\n")
