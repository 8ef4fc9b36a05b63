"""A clip's manifest, beside its video: what was asked for, what was got, what is missing in it and why."""

from typing import Annotated, Literal
from uuid import UUID, uuid5

from pydantic import Field

from contracts.event import NAMESPACE
from contracts.wire import Utc, Wire

State = Literal["complete", "recovered"]
Why = Literal[
    "end of event", "end of schedule", "command", "time limit", "longest clip", "segment", "camera away", "stream changed", "end of file",
    "stopped", "failed", "cut off",
]  # fmt: skip
Trigger = Literal["event", "continuous", "schedule", "command"]
MOST = 1 << 62  # of nanoseconds, bytes and pictures: what is counted with stays a number everywhere
Nanoseconds = Annotated[int, Field(ge=-MOST, le=MOST)]
Number = Annotated[int, Field(ge=-MOST, le=MOST)]
Count = Annotated[int, Field(ge=0, le=MOST)]


class Cause(Wire):
    """An event the clip was kept for."""

    id: UUID
    kind: str
    label: str | None = None
    group: UUID | None = Field(default=None, description="the recording it would have begun, where it only marks one that ran already")


class Audio(Wire):
    """The sound in a clip, as the camera sent it, or why there is none although the camera has it."""

    codec: str = Field(description="FFmpeg's name: aac, opus, pcm_s16le, ...")
    sent: str = Field(default="", description="the camera's codec where its samples were unpacked: G.711, that no container takes")
    sample_rate: Count = Field(description="Hz")
    channels: Count
    packets: Count = Field(default=0, description="kept")
    lost: Count = Field(default=0, description="left out for their times were broken, or they came too late")
    left_out: str = Field(default="", description="why none of it was kept; empty: it was")


class Hole(Wire):
    """Pictures that are not in the clip: between two of its pictures something was missed, or between the segment before and this."""

    reason: Literal["reconnect", "skipped"] = Field(description="the camera was away, or the recorder came too late")
    after_frame: Number = Field(description="number of the last picture before the hole")
    from_pts_ns: Nanoseconds = Field(description="media time where the last picture before the hole ends")
    until_pts_ns: Nanoseconds = Field(description="media time of the first picture after it")
    packets: Count | None = Field(default=None, description="pictures missed, where that is known")


class Clip(Wire):
    """What one file of video holds. A picture's media time is `origin_pts_ns` plus its time in the file."""

    version: Literal[1] = 1
    id: UUID = Field(description="the same in every run over the same video")
    segment: Count = Field(default=0, description="a recording that was cut goes on in the next segment")
    group: UUID | None = Field(default=None, description="the recording; clips of its other cameras and its other segments share it")
    trigger: Trigger = Field(default="event", description="what began the recording")
    note: str = Field(default="", max_length=500, description="words that came with the command")
    camera: str
    file: str = Field(description="the video's name, beside the manifest")
    container: Literal["mp4", "mkv"]
    codec: str = Field(description="FFmpeg's name: h264, hevc, mjpeg, ...")
    codec_string: str | None = Field(default=None, description="RFC 6381, e.g. avc1.64001f, for a browser's canPlayType")
    width: Count = Field(description="pixels")
    height: Count = Field(description="pixels")
    start: Utc = Field(description="capture time of the first picture")
    end: Utc = Field(description="capture time at which the last picture ends, never before the start; durations: media time")
    start_pts_ns: Nanoseconds = Field(description="media time of the first picture")
    end_pts_ns: Nanoseconds = Field(description="media time at which the last picture ends")
    origin_pts_ns: Nanoseconds = Field(description="media time of the file's zero")
    pre_roll_asked_ms: Count
    pre_roll_ms: float = Field(description="got: from the first picture to the start of the first event; negative: it came too late")
    post_roll_asked_ms: Count
    post_roll_ms: float | None = Field(default=None, description="got: from the end of the last event to the end; None: it had not ended")
    first_frame: Number = Field(description="number of the first picture in its source")
    last_frame: Number = Field(description="number of the last picture in its source")
    frames: Count
    bytes: Count
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    holes: list[Hole] = Field(default_factory=list)
    events: list[Cause] = Field(default_factory=list, description="the events it was kept for")
    audio: Audio | None = Field(default=None, description="null: the camera has no sound, or it is not recorded")
    device: str = ""
    software: str = ""
    state: State = "complete"
    reason: Why = Field(default="end of event", description="why it ends where it ends")


def clip_id(first_event: UUID, segment: int = 0) -> UUID:
    """The clip's id: UUIDv5 of the event that opened it, so the same video gives the same clips."""
    return uuid5(NAMESPACE, f"clip|{first_event}|{segment}")


def group_id(seed: str) -> UUID:
    """A recording's id, of what began it: an event's id, a schedule and its hour, a command."""
    return uuid5(NAMESPACE, f"group|{seed}")
