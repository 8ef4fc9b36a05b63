"""What the owner may choose about recordings and pictures."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from pydantic import Field

from contracts.errors import ConfigError
from device.pipeline.strict import Strict
from device.record.when import CameraRecord, EventTrigger, When


class RecordOptions(Strict):
    pre_roll_ms: int = Field(default=3000, ge=0, le=60_000, description="kept from before an event began, milliseconds")
    post_roll_ms: int = Field(default=3000, ge=0, le=600_000, description="kept from after an event ended, milliseconds")
    longest_clip_s: int = Field(default=300, ge=5, le=3600, description="a longer recording goes on in the next clip, seconds")
    segment_s: int = Field(default=60, ge=2, le=3600, description="continuous and scheduled recording is cut in pieces so long, seconds")
    reserve_mb: int = Field(default=256, ge=0, le=1_000_000, description="with less free recording stops and leaves it to events, MB")
    masked: Literal["encode", "copy"] = Field(
        default="encode", description="cameras with masks: encode: clips have them in the picture; copy: clips show what is masked"
    )
    audio: bool = Field(default=False, description="sound is kept too, where the camera has it; know whose voices you may keep")
    when: When = When()
    cameras: dict[str, CameraRecord] = Field(default_factory=dict, description="what is other for one camera, by its name")

    def events_of(self, camera: str) -> EventTrigger | None:
        own = self.cameras.get(camera, CameraRecord()).events
        return self.when.events if own is None else own or None

    def continuous_of(self, camera: str) -> bool:
        own = self.cameras.get(camera, CameraRecord()).continuous
        return self.when.continuous if own is None else own

    def schedule_of(self, camera: str) -> list[str]:
        own = self.cameras.get(camera, CameraRecord()).schedule
        return self.when.schedule if own is None else own

    def audio_of(self, camera: str) -> bool:
        own = self.cameras.get(camera, CameraRecord()).audio
        return self.audio if own is None else own


def check_names(options: RecordOptions, cameras: Collection[str]) -> None:
    """ConfigError: a camera is named that there is not."""
    triggers = {"record.when.events.cameras": options.when.events}
    triggers |= {f"record.cameras.{name}.events.cameras": each.events or None for name, each in options.cameras.items()}
    named = [(f"record.cameras.{name}", name) for name in options.cameras]
    named += [(where, name) for where, each in triggers.items() if each and isinstance(each.cameras, list) for name in each.cameras]
    for where, name in named:
        if name not in cameras:
            raise ConfigError(f"{where}: there is no camera {name!r}; the cameras are {', '.join(sorted(cameras))}")


class PictureOptions(Strict):
    show: Literal["object", "frame"] = Field(default="object", description="object: cut out with some margin; frame: the whole picture")
    margin: float = Field(default=0.5, ge=0, le=4, description="on each side of the object, in parts of its larger side")
    quality: int = Field(default=88, ge=30, le=100, description="of the JPEG")
    max_side_px: int = Field(default=1280, ge=64, le=8192, description="larger pictures are made smaller, pixels")
    held: int = Field(default=32, ge=1, le=1024, description="most decoded pictures held for events that are open, all cameras together")
