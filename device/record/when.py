"""When: what begins a recording, as the owner chooses it; events, hours, commands, and what is other for one camera."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from contracts.event import Event
from device.pipeline.strict import Strict
from device.record import schedule


def _hours(text: str) -> str:
    schedule.parse(text)
    return text


def _zone(name: str) -> str:
    try:
        if name:
            ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # one that is not known is a KeyError
        raise ValueError(f"{name!r} is no time zone that is known here; it is like Europe/Vienna") from error
    return name


HoursText = Annotated[str, AfterValidator(_hours)]
ZoneName = Annotated[str, AfterValidator(_zone)]


class EventTrigger(Strict):
    """Which events are recorded, and on which cameras."""

    kinds: list[str] = Field(default_factory=list, description="only events of these kinds; empty: of all")
    labels: list[str] = Field(default_factory=list, description="only of these labels; empty: of all")
    zones: list[str] = Field(default_factory=list, description="only those that come into one of these zones, from then on; empty: all")
    cameras: Literal["own", "all"] | list[str] = Field(default="own", description="own: the event's; all; or names beside its own")

    def wants(self, event: Event) -> bool:
        return (
            (not self.kinds or event.kind in self.kinds)
            and (not self.labels or event.label in self.labels)
            and (not self.zones or not {*event.zones, *event.entered}.isdisjoint(self.zones))
        )


class CommandTrigger(Strict):
    longest_s: int = Field(default=3600, ge=1, le=86_400, description="what was begun by command ends by itself after this, seconds")


class When(Strict):
    """What begins a recording; any of these may be on at once."""

    events: EventTrigger | None = Field(default=EventTrigger(), description="events; null: they begin none")
    continuous: bool = Field(default=False, description="around the clock")
    schedule: list[HoursText] = Field(default_factory=list, description="weekly hours, like `mon-fri 22:00-06:00`")
    time_zone: ZoneName = Field(default="", description="of the schedule, like Europe/Vienna; empty: the box's own")
    command: CommandTrigger | None = Field(default=CommandTrigger(), description="the command `record`; null: it is refused")


class CameraRecord(Strict):
    """What is other for one camera; null: as for all."""

    events: EventTrigger | Literal[False] | None = Field(default=None, description="false: events of this camera begin no recording")
    continuous: bool | None = Field(default=None, description="around the clock")
    schedule: list[HoursText] | None = Field(default=None, description="weekly hours; []: none")
    audio: bool | None = Field(default=None, description="sound is kept")
