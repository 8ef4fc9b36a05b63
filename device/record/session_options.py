"""What the owner may choose about sessions and their takes."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from device.pipeline.strict import Strict
from device.pipeline.taking import TakeRules


class SessionOptions(Strict):
    """A `take` stage in the pipeline begins and ends the takes; these are its rules, and what is kept of them."""

    kind: str = Field(default="pitch", pattern=r"^[a-z][a-z0-9_]{0,63}$", description="what a take is called, in events and folders")
    camera: str | None = Field(default=None, description="whose frames begin and end a take; null: the first camera")
    cameras: tuple[str, ...] | None = Field(default=None, min_length=1, description="recorded in each take; null: all")
    lane_gate: str | None = Field(default="lane", description="zone in which a detection counts; null: the whole picture")
    plate_gate: str | None = Field(default="plate", description="zone at the plate, for roi_annotations.json")
    labels: tuple[str, ...] | None = Field(default=None, description="only these classes count and are written down; null: all")
    pre_roll_ms: int = Field(default=500, ge=0, le=60_000, description="kept from before a take began, milliseconds")
    post_roll_ms: int = Field(default=500, ge=0, le=60_000, description="kept from after a take ended, milliseconds")
    session_min_active_frames: int = Field(default=5, ge=1, le=1000, description="frames in a row with a detection that begin a take")
    session_end_gap_frames: int = Field(default=10, ge=1, le=10_000, description="frames without a detection that end it")
    longest_take_s: int = Field(default=60, ge=1, le=600, description="a take that lasts longer goes on in the next one, seconds")
    session_idle_min: float = Field(default=30, gt=0, le=1440, description="a session ends after so long without a take, minutes")
    output_dir: Path = Field(default=Path("recordings"), description="folder of the sessions; below `data` unless it is absolute")
    calibrated: Literal["stereo", "none"] = Field(default="none", description="stereo: each session gets the five calibration files")
    calibration_dir: Path = Field(default=Path("calibration"), description="where those are; below `data` unless it is absolute")
    save_detections: bool = Field(default=True, description="detections/<camera>_detections.json in each take")
    save_observations: bool = Field(default=False, description="observations/stereo_observations.json in each take")
    save_training_frames: bool = Field(default=False, description="frames/<camera>/*.png in each take")
    frame_save_interval: int = Field(default=5, ge=1, le=100_000, description="pictures from one saved frame to the next")
    frame_budget_percent: int | None = Field(
        default=25, ge=0, le=100_000, description="interval frames stop when the saved frames are this part of their clips; null: never"
    )
    reserve_mb: int = Field(default=256, ge=0, le=1_000_000, description="with less free no take is begun, MB")

    def rules(self) -> TakeRules:
        return TakeRules(
            kind=self.kind,
            camera=self.camera,
            gate=self.lane_gate,
            labels=self.labels,
            min_active_frames=self.session_min_active_frames,
            end_gap_frames=self.session_end_gap_frames,
            longest_ns=self.longest_take_s * 1_000_000_000,
        )
