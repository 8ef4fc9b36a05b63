"""What the owner may choose about recordings and pictures."""

from typing import Literal

from pydantic import Field

from device.pipeline.strict import Strict


class RecordOptions(Strict):
    pre_roll_ms: int = Field(default=3000, ge=0, le=60_000, description="kept from before an event began, milliseconds")
    post_roll_ms: int = Field(default=3000, ge=0, le=600_000, description="kept from after an event ended, milliseconds")
    longest_clip_s: int = Field(default=300, ge=5, le=3600, description="a longer recording goes on in the next clip, seconds")
    reserve_mb: int = Field(default=256, ge=0, le=1_000_000, description="with less free recording stops and leaves it to events, MB")


class PictureOptions(Strict):
    show: Literal["object", "frame"] = Field(default="object", description="object: cut out with some margin; frame: the whole picture")
    margin: float = Field(default=0.5, ge=0, le=4, description="on each side of the object, in parts of its larger side")
    quality: int = Field(default=88, ge=30, le=100, description="of the JPEG")
    max_side_px: int = Field(default=1280, ge=64, le=8192, description="larger pictures are made smaller, pixels")
    held: int = Field(default=32, ge=1, le=1024, description="most decoded pictures held for events that are open, all cameras together")
