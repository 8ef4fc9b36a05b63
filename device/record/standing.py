"""Standing: which cameras are to be recorded whatever happens, at this hour: continuously, or by their schedule."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import tzinfo
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from contracts.clip import group_id
from device.record import schedule
from device.record.options import RecordOptions, check_names


@dataclass(frozen=True, slots=True)
class Want:
    """`since_ns` and `until_ns` are wall time; None: it has no end."""

    trigger: Literal["continuous", "schedule"]
    group: UUID
    since_ns: int
    until_ns: int | None = None


class Standing:
    """The cameras that stand share a group: all of this run's continuous ones, or all that the same hours are about."""

    def __init__(self, options: RecordOptions, cameras: Collection[str], device: str, began_wall_ns: int) -> None:
        self._device, self._began_ns = device, began_wall_ns
        if cameras:
            check_names(options, cameras)
        self._zone: tzinfo | None = ZoneInfo(options.when.time_zone) if options.when.time_zone else None
        self._continuous = {camera for camera in cameras if options.continuous_of(camera)}
        self._hours = {camera: [schedule.parse(text) for text in options.schedule_of(camera)] for camera in cameras}

    @property
    def any(self) -> bool:
        return bool(self._continuous or any(self._hours.values()))

    def want(self, camera: str, wall_ns: int) -> Want | None:
        if camera in self._continuous:
            return Want("continuous", group_id(f"continuous|{self._device}|{self._began_ns}"), self._began_ns)
        hours = self._hours.get(camera)
        span = schedule.span_at(hours, wall_ns, self._zone) if hours else None
        if span is None:
            return None
        return Want("schedule", group_id(f"schedule|{self._device}|{span.start_ns}"), span.start_ns, span.end_ns)
