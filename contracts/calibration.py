"""Calibration of a session: one file each in `calibration/`; lengths in feet, angles in degrees, `_px` in pixels."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from contracts.files import file_name
from contracts.wire import Wire

Feet = Annotated[float, Field(ge=-10_000, le=10_000)]
Pixels = Annotated[float, Field(ge=-100_000, le=100_000)]
Coefficient = Annotated[float, Field(ge=-1e6, le=1e6)]
FeetXyz = tuple[Feet, Feet, Feet]
PixelsXy = tuple[Pixels, Pixels]
Row = tuple[Coefficient, Coefficient, Coefficient]
Corners = Annotated[list[PixelsXy], Field(min_length=3, max_length=1000)]


class StereoGeometry(Wire):
    """`stereo_geometry.json`: how the two cameras stand to one another and to the plate."""

    model_config = ConfigDict(strict=True)
    version: Literal[1] = 1
    baseline_ft: float = Field(gt=0, le=1000, description="between the two cameras")
    convergence_angle_deg: float = Field(ge=-180, le=180, description="between their optical axes")
    camera_height_ft: Feet = Field(description="above the ground")
    distance_to_plate_ft: float = Field(ge=0, le=10_000)
    rotation: tuple[Row, Row, Row] | None = Field(default=None, description="from the left camera's axes to the right one's")
    translation_ft: FeetXyz | None = Field(default=None, description="the left camera's origin in the right one's axes")
    reprojection_error_px: float | None = Field(default=None, ge=0, description="root mean square, of the calibration")


class Intrinsics(Wire):
    """`intrinsics_<camera>.json`: a pinhole camera with Brown's distortion, as OpenCV has it."""

    model_config = ConfigDict(strict=True)
    version: Literal[1] = 1
    camera_id: str = Field(min_length=1, max_length=64)
    fx: float = Field(gt=0, le=1e6, description="focal length, pixels")
    fy: float = Field(gt=0, le=1e6, description="focal length, pixels")
    cx: Pixels = Field(description="principal point")
    cy: Pixels = Field(description="principal point")
    distortion_k1: Coefficient
    distortion_k2: Coefficient
    distortion_p1: Coefficient = 0.0
    distortion_p2: Coefficient = 0.0
    distortion_k3: Coefficient = 0.0
    image_width: int | None = Field(default=None, gt=0, le=100_000, description="of the pictures it was measured with, pixels")
    image_height: int | None = Field(default=None, gt=0, le=100_000, description="of the pictures it was measured with, pixels")
    reprojection_error_px: float | None = Field(default=None, ge=0, description="root mean square, of the calibration")


class Gates(Wire):
    """One camera's gates, in pixels of its picture."""

    model_config = ConfigDict(strict=True)
    lane_gate_polygon: Corners
    plate_gate_polygon: Corners
    image_width: int = Field(gt=0, le=100_000)
    image_height: int = Field(gt=0, le=100_000)


class RoiAnnotations(Wire):
    """`roi_annotations.json`: corners [x, y] in pixels, of the camera that begins a take; `cameras` has those of every camera."""

    model_config = ConfigDict(strict=True)
    version: Literal[1] = 1
    lane_gate_polygon: Corners
    plate_gate_polygon: Corners
    camera: str | None = Field(default=None, max_length=64, description="whose picture the two polygons are of")
    cameras: dict[str, Gates] = Field(default_factory=dict)


class StrikeZone(Wire):
    """`strike_zone_definition.json`: its four corners [x, y, z] in feet."""

    model_config = ConfigDict(strict=True)
    version: Literal[1] = 1
    top_left_ft: FeetXyz
    top_right_ft: FeetXyz
    bottom_left_ft: FeetXyz
    bottom_right_ft: FeetXyz


def calibration_files(cameras: Sequence[str]) -> dict[str, type[Wire]]:
    """Name -> what is in it, of every file of a calibration."""
    own: dict[str, type[Wire]] = {f"intrinsics_{file_name(camera)}.json": Intrinsics for camera in cameras}
    shared: dict[str, type[Wire]] = {
        "stereo_geometry.json": StereoGeometry,
        "roi_annotations.json": RoiAnnotations,
        "strike_zone_definition.json": StrikeZone,
    }
    return {**shared, **own}
