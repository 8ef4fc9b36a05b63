"""Job: one piece of long work as it stands in the store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import RowMapping

State = Literal["waiting", "running", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = ("waiting", "running", "done", "failed", "cancelled")
OVER: tuple[State, ...] = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    kind: str
    state: State
    arguments: dict[str, Any]
    progress: float
    said: str
    result: Any
    created_us: int
    started_us: int | None
    ended_us: int | None
    owner: str
    lease_us: int | None
    cancel: bool
    who: str
    attempts: int

    @property
    def over(self) -> bool:
        return self.state in OVER

    def document(self) -> dict[str, Any]:
        """For machines; times in microseconds since 1970."""
        names = ("id", "kind", "state", "arguments", "progress", "said", "result", "who", "attempts")
        times = ("created_us", "started_us", "ended_us")
        return {**{name: getattr(self, name) for name in (*names, *times)}, "cancel_asked": self.cancel}


def job_of(row: RowMapping) -> Job:
    values = {name: row[name] for name in Job.__dataclass_fields__}
    result = values["result"]
    read = {"arguments": json.loads(values["arguments"]), "result": None if result is None else json.loads(result)}
    return Job(**{**values, **read, "cancel": bool(values["cancel"])})
