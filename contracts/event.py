"""An event: something the box saw, from `new` over `update` to `end` under one id."""

from datetime import datetime, timezone
from typing import Literal
from uuid import UUID, uuid5

from pydantic import Field, JsonValue

from contracts.wire import Utc, Wire

Life = Literal["new", "update", "end"]
NAMESPACE = UUID("8d0f0b0a-6f0b-5a54-9c5e-0b6d5b3f7a10")


class Event(Wire):
    """One message of an event's life. Times are capture times, never the time of processing."""

    id: UUID = Field(description="the same in every message of this event, and in every run over the same file")
    life: Life
    kind: str = Field(description="what sort of event: object, ...", pattern=r"^[a-z][a-z0-9_]{0,63}$")
    camera: str
    label: str | None = Field(default=None, description="the class that was seen")
    confidence: float = Field(ge=0, le=1, description="best confidence so far")
    start: Utc = Field(description="capture time of the first of the confirming frames")
    t: Utc = Field(description="capture time of the frame this message is about")
    end: Utc | None = Field(default=None, description="capture time of the last frame it was seen in; only with life=end")
    start_pts_ns: int = Field(description="media time of `start`, nanoseconds")
    pts_ns: int = Field(description="media time of `t`, nanoseconds")
    frame_number: int = Field(default=0, ge=0, description="the frame's index in its source")
    track: int | None = Field(default=None, description="the track's number, per camera and run")
    box: tuple[float, float, float, float] | None = Field(default=None, description="x1, y1, x2, y2 in pixels of the frame")
    frame_size: tuple[int, int] | None = Field(default=None, description="width, height of the frame in pixels")
    zones: list[str] = Field(default_factory=list, description="zones it is in now")
    entered: list[str] = Field(default_factory=list, description="zones it has been in since it began, in order")
    model: str | None = Field(default=None, description="digest of the bundle that saw it, sha256:<hex>")
    snapshot: str | None = Field(default=None, description="picture, relative to the data folder")
    data: dict[str, JsonValue] = Field(default_factory=dict, description="what this kind adds")


def event_id(source: str, kind: str, start_pts_ns: int, discriminator: str = "") -> UUID:
    """The event's id: UUIDv5 (RFC 9562) of what makes it that event, so the same video gives the same ids."""
    return uuid5(NAMESPACE, f"{source}|{kind}|{start_pts_ns}|{discriminator}")


def snapshot_path(event: UUID, start: datetime) -> str:
    """Where an event's best picture is kept, relative to the data folder: known before the picture is."""
    return f"events/{start.astimezone(timezone.utc):%Y-%m-%d}/{event}.jpg"
