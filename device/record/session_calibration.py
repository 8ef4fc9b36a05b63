"""The calibration a session begins with: copies of the box's files, so that the session can be understood without the box."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from contracts.calibration import Gates, RoiAnnotations, calibration_files
from contracts.errors import StorageError
from contracts.files import write_durably
from contracts.session import StoredFile
from device.pipeline.zone import Zone

log = logging.getLogger(__name__)
ROI = "roi_annotations.json"
MOST_BYTES = 1 << 20
Size = tuple[int, int]


def copy_calibration(source: Path, target: Path, cameras: Sequence[str], roi: RoiAnnotations | None) -> tuple[list[StoredFile], list[str]]:
    """What was copied, and what is wrong with the rest. Gates that are drawn as zones count more than an old file of them."""
    stored, faults = [], []
    for name, model in calibration_files(cameras).items():
        data = roi.model_dump_json(indent=1).encode() if roi and name == ROI else _read(source / name)
        if data is None:
            continue
        try:
            model.model_validate_json(data)
        except ValidationError as error:
            fault = error.errors()[0]
            faults.append(f"{source / name}: {'.'.join(map(str, fault['loc']))} {fault['msg']}; calibrate again")
            continue
        write_durably(target / name, data)
        stored.append(StoredFile(file=name, sha256=sha256(data).hexdigest()))
    for words in faults:
        log.warning("a calibration file was left out", extra={"reason": words})
    return stored, faults


def _read(path: Path) -> bytes | None:
    try:
        if path.stat().st_size > MOST_BYTES:
            return b""
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror}); see its rights and the disk") from error


def roi_of(
    zones: Mapping[str, Mapping[str, Zone]], sizes: Mapping[str, Size], camera: str, lane: str | None, plate: str | None
) -> RoiAnnotations | None:
    """The gates as they are drawn, in pixels; None where the camera that begins takes has not both."""
    gates = {name: found for name, size in sizes.items() if (found := _gates(zones.get(name, {}), size, lane, plate))}
    own = gates.get(camera)
    if own is None:
        return None
    return RoiAnnotations(lane_gate_polygon=own.lane_gate_polygon, plate_gate_polygon=own.plate_gate_polygon, camera=camera, cameras=gates)


def _gates(zones: Mapping[str, Zone], size: Size, lane: str | None, plate: str | None) -> Gates | None:
    if lane not in zones or plate not in zones or lane is None or plate is None:
        return None
    width, height = size
    corners = {name: [(round(x * width, 2), round(y * height, 2)) for x, y in zones[name].points] for name in (lane, plate)}
    return Gates(lane_gate_polygon=corners[lane], plate_gate_polygon=corners[plate], image_width=width, image_height=height)
