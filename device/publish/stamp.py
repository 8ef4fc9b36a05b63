"""Stamp: puts what a box says into envelopes: id, boot, times, profile, model."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel

from contracts.envelope import Envelope, Ulids
from contracts.wire import utc_from_ns
from device.clock import Clock

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """This boot of the machine; `mono` of two messages compare only within one boot."""
    return BOOT_ID.read_text().strip()


class Stamp:
    """`model` may change while the box runs; events carry their own."""

    def __init__(self, clock: Clock, profile: str, model: str | None = None, boot: str | None = None) -> None:
        self.clock, self.profile, self.model = clock, profile, model
        self.boot = boot if boot is not None else boot_id()
        self._ulids = Ulids(os.urandom)

    def ulid(self) -> str:
        return self._ulids.next(self.clock.wall_ns())

    def wrap(
        self, kind: str, data: BaseModel, t: datetime | None = None, mono_ns: int | None = None, model: str | None = None
    ) -> Envelope:
        """`data` in an envelope of type `<kind>.v1`; times are now unless given."""
        return Envelope(
            id=self.ulid(),
            boot=self.boot,
            t=t or utc_from_ns(self.clock.wall_ns()),
            mono=(self.clock.mono_ns() if mono_ns is None else mono_ns) / 1e9,
            clk=self.clock.state(),
            type=f"{kind}.v1",
            profile=self.profile,
            model=model or self.model,
            data=data.model_dump(mode="json"),
        )
