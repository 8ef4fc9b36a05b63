"""A take: one recording of a session (a pitch), with a clip of each camera, what was detected in them, and how good it is."""

from itertools import pairwise
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from contracts.calibration import FeetXyz, Pixels, PixelsXy
from contracts.clip import Clip
from contracts.wire import Utc, Wire

Nanoseconds = Annotated[int, Field(ge=0, le=(1 << 63) - 1)]
Count = Annotated[int, Field(ge=0, le=1 << 40)]
Part = Annotated[float, Field(ge=0, le=1)]
SessionId = Annotated[str, Field(pattern=r"^session-\d{4}-\d{2}-\d{2}_\d{3,6}$")]
PitchId = Annotated[str, Field(pattern=r"^session-\d{4}-\d{2}-\d{2}_\d{3,6}-[a-z][a-z0-9_]{0,63}-\d{3,6}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Begins = Literal["as asked", "at the key frame before", "later than asked"]
Moment = Literal[
    "pre_roll_first", "pre_roll_last", "first_detection", "release_point", "plate_crossing", "last_detection", "post_roll_last", "interval"
]  # fmt: skip


class Detection(Wire):
    """One box in one picture, as a circle: its middle and half of its mean side."""

    model_config = ConfigDict(strict=True)
    frame_index: Count = Field(description="the picture's place in the camera's clip, from 0, in the order of showing")
    timestamp_ns: Nanoseconds = Field(description="capture time, monotonic")
    u_px: Pixels
    v_px: Pixels
    radius_px: float = Field(ge=0, le=100_000)
    confidence: Part


class CameraDetections(Wire):
    """`detections/<camera>_detections.json`."""

    model_config = ConfigDict(strict=True)
    version: Literal[1] = 1
    pitch_id: PitchId
    camera: str = Field(min_length=1, max_length=64)
    detection_count: Count
    detections: list[Detection]

    @model_validator(mode="after")
    def _agrees(self) -> "CameraDetections":
        if self.detection_count != len(self.detections):
            raise ValueError(f"detection_count is {self.detection_count}, and there are {len(self.detections)} detections")
        places = [(each.frame_index, each.timestamp_ns) for each in self.detections]
        if any(a[0] > b[0] or a[1] > b[1] for a, b in pairwise(places)):
            raise ValueError("detections are not in the order of their frames")
        return self


class Observation(Wire):
    """One position of the ball in space, of a detection in each camera."""

    model_config = ConfigDict(strict=True)
    timestamp_ns: Nanoseconds = Field(description="capture time, monotonic")
    left_px: PixelsXy
    right_px: PixelsXy
    X_ft: float = Field(ge=-10_000, le=10_000)
    Y_ft: float = Field(ge=-10_000, le=10_000)
    Z_ft: float = Field(ge=-10_000, le=10_000)
    quality: float = Field(ge=0, le=100_000, description="reprojection error, pixels")
    confidence: Part


class StereoObservations(Wire):
    """`observations/stereo_observations.json`."""

    model_config = ConfigDict(strict=True)
    version: Literal[1] = 1
    pitch_id: PitchId
    observation_count: Count
    observations: list[Observation]

    @model_validator(mode="after")
    def _agrees(self) -> "StereoObservations":
        if self.observation_count != len(self.observations):
            raise ValueError(f"observation_count is {self.observation_count}, and there are {len(self.observations)} observations")
        times = [each.timestamp_ns for each in self.observations]
        if times != sorted(times):
            raise ValueError("observations are not in the order of time")
        return self


class TakeClip(Clip):
    """A camera's clip in a take, with its place in monotonic time."""

    first_frame_ns: Nanoseconds = Field(description="capture time of the first picture, monotonic")
    last_frame_ns: Nanoseconds = Field(description="capture time of the last picture, monotonic")
    begins: Begins = Field(description="where the first picture lies against `start - pre_roll_ms`, give or take a picture")


class DetectionQuality(Wire):
    """Figures from `start_ns` to `end_ns` but for the counts of detections, which are of the whole clips, as the files are."""

    model_config = ConfigDict(strict=True)
    left_camera_detections: Count = 0
    right_camera_detections: Count = 0
    stereo_observations: Count = 0
    detection_rate_hz: float = Field(ge=0, le=1e6, description="pictures with a detection, a second and camera")
    frames_with_no_detection: Count = Field(description="looked at without finding anything; all cameras")
    frames_analysed: Count = Field(default=0, description="that were looked at; all cameras")
    frames_without_answer: Count = Field(default=0, description="to which the model had no answer: what is in them is unknown")
    camera_detections: dict[str, Count] = Field(default_factory=dict, description="by camera, whatever it is called")


class TimingAccuracy(Wire):
    model_config = ConfigDict(strict=True)
    pre_roll_frames_captured: Count = Field(description="pictures before `start_ns`, of the camera that has the fewest")
    duration_ns: Nanoseconds
    start_ns: Nanoseconds = Field(description="capture time of the first of the frames that began it, monotonic")
    end_ns: Nanoseconds = Field(description="capture time of the last frame with a detection in the gate, monotonic")


class PerformanceMetrics(Wire):
    model_config = ConfigDict(strict=True)
    detection_quality: DetectionQuality
    timing_accuracy: TimingAccuracy


class Summary(Wire):
    """What the trajectory says; only where there is stereo."""

    model_config = ConfigDict(strict=True)
    release_speed_mph: float = Field(ge=0, le=1000)
    plate_speed_mph: float = Field(ge=0, le=1000)
    plate_crossing_ft: FeetXyz
    call: Literal["strike", "ball"]


class Saved(Wire):
    """What was asked to be kept beside the clips."""

    model_config = ConfigDict(strict=True)
    detections: bool
    observations: bool
    training_frames: bool
    frame_save_interval: int = Field(ge=1, le=100_000, description="pictures from one saved frame to the next")


class KeyFrame(Wire):
    """A picture of a clip, as PNG: `frames/<camera>/<file>`."""

    model_config = ConfigDict(strict=True)
    moment: Moment
    file: str = Field(pattern=r"^[a-z0-9_]{1,64}\.png$")
    frame_index: Count


class Absent(Wire):
    """A key frame that there is not, and why."""

    model_config = ConfigDict(strict=True)
    moment: Moment
    reason: str = Field(min_length=1, max_length=500)


class CameraFrames(Wire):
    """One camera's key frames; `left_out` interval frames would have been too many bytes."""

    model_config = ConfigDict(strict=True)
    key_frames: list[KeyFrame] = Field(default_factory=list)
    absent: list[Absent] = Field(default_factory=list)
    left_out: Count = 0


class TakeManifest(Wire):
    """`manifest.json` of a take: written last, so that a folder with one is whole."""

    model_config = ConfigDict(strict=True)
    schema_version: Literal[1] = 1
    pitch_id: PitchId
    session_id: SessionId
    event: UUID = Field(description="the event that began it")
    start: Utc = Field(description="capture time of the first of the frames that began it")
    end: Utc = Field(description="capture time of the last frame with a detection in the gate")
    camera: str = Field(description="the camera whose frames began and ended it")
    cameras: list[str] = Field(min_length=1, description="those that were to be recorded")
    clips: list[TakeClip]
    performance_metrics: PerformanceMetrics
    summary: Summary | None = Field(default=None, description="null: there is no stereo")
    frames: dict[str, CameraFrames] = Field(default_factory=dict, description="key frames by camera; empty: none were asked for")
    saved: Saved
    pre_roll_ms: int = Field(ge=0)
    post_roll_ms: int = Field(ge=0)
    config_hash: str = Field(description="of the configuration that produced it, sha256:<hex>")
    model: str | None = Field(default=None, description="digest of the bundle that looked, sha256:<hex>")
    device: str = ""
    software: str = ""
    state: Literal["complete", "recovered"] = Field(default="complete", description="recovered: a crash or a power cut came between")
    reason: str = Field(default="", description="why it ended, where that is not the gap")
    faults: list[str] = Field(default_factory=list, description="what is missing in it, and why")


class TakeHead(Wire):
    """The first line of a take's log: all that is known when it begins."""

    model_config = ConfigDict(strict=True)
    version: Literal[1] = 1
    pitch_id: PitchId
    session_id: SessionId
    event: UUID
    start: Utc
    start_ns: Nanoseconds
    camera: str
    cameras: list[str]
    pre_roll_ms: int
    post_roll_ms: int
    saved: Saved
    frame_budget_percent: int | None = None
    config_hash: str = ""
    model: str | None = None
    device: str = ""
    software: str = ""


class TakeLook(Wire):
    """One analysed frame; `found` are u_px, v_px, radius_px, confidence of each detection."""

    model_config = ConfigDict(strict=True)
    camera: str
    pts_ns: int
    mono_ns: Nanoseconds
    answered: bool
    found: list[tuple[float, float, float, float]] = Field(default_factory=list)


class TakeEnd(Wire):
    model_config = ConfigDict(strict=True)
    end: Utc
    end_ns: Nanoseconds
    reason: str = ""
    state: Literal["complete", "recovered"] = "complete"
    faults: list[str] = Field(default_factory=list)


class TakeLine(Wire):
    """A line of `take.jsonl.part`, the log from which a take's files are made when it has ended; it holds one of these."""

    model_config = ConfigDict(strict=True)
    head: TakeHead | None = None
    look: TakeLook | None = None
    clip: TakeClip | None = None
    end: TakeEnd | None = None
