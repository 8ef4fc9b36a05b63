"""Demand: somebody wants a camera recorded, from then to then: an event, a schedule, a command, or for ever."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid5

from contracts.clip import Cause, Trigger, Why, group_id
from contracts.event import NAMESPACE, Event

STANDING = {"continuous", "schedule"}
ENDS: dict[Trigger, Why] = {"event": "end of event", "schedule": "end of schedule", "continuous": "stopped", "command": "command"}


@dataclass(frozen=True, slots=True)
class Demand:
    """Of one camera, in its media time. `seed`: clip ids are made of it, so it is another for each camera. `told_pts_ns`: how far
    the camera was when it was asked for. `shift_ns`: this camera's media time less that of the camera the event is of."""

    id: UUID
    trigger: Trigger
    group: UUID
    seed: UUID
    start_pts_ns: int
    told_pts_ns: int
    pre_roll_ms: int = 0
    post_roll_ms: int = 0
    shift_ns: int = 0
    kind: str = "object"
    label: str | None = None
    note: str = ""

    @property
    def from_pts_ns(self) -> int:
        return self.start_pts_ns - self.pre_roll_ms * 1_000_000

    @property
    def standing(self) -> bool:
        return self.trigger in STANDING

    def cause(self, owner: Demand) -> Cause | None:
        """As it is named in a clip of a recording that belongs to `owner`. A command is named where it only marks."""
        other = None if owner.group == self.group else self.group
        if self.trigger == "event":
            return Cause(id=self.id, kind=self.kind, label=self.label, group=other)
        if self.trigger == "command" and other:
            return Cause(id=self.id, kind="command", group=other)
        return None


def of_event(event: Event, camera: str, start_pts_ns: int, told_pts_ns: int, shift_ns: int, pre_roll_ms: int, post_roll_ms: int) -> Demand:
    seed = event.id if camera == event.camera else uuid5(NAMESPACE, f"{event.id}|{camera}")
    return Demand(
        event.id, "event", group_id(str(event.id)), seed, start_pts_ns + shift_ns, told_pts_ns + shift_ns,
        pre_roll_ms, post_roll_ms, shift_ns, event.kind, event.label,
    )  # fmt: skip


def seed_of(group: UUID, camera: str, wall_ns: int) -> UUID:
    """Of a recording that no event began: it may be begun again under the same group after a restart."""
    return uuid5(NAMESPACE, f"{group}|{camera}|{wall_ns}")
