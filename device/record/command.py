"""The command `record`: {action: start, cameras, max_s, note} answers with the group's id; {action: stop, group or cameras} ends it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from pydantic import Field, JsonValue, ValidationError

from contracts.envelope import first_fault
from contracts.errors import ConfigError
from device.pipeline.strict import Strict
from device.record.recorder import Recorder


class RecordArgs(Strict):
    action: Literal["start", "stop"] = "start"
    cameras: list[str] = Field(default_factory=list, max_length=256, description="empty: all")
    max_s: float | None = Field(default=None, gt=0, le=86_400, description="longest; bounded by record.when.command.longest_s")
    note: str = Field(default="", max_length=500, description="kept in the manifest of each clip")
    group: UUID | None = Field(default=None, description="which recording to stop; null: those of the cameras named, or all")


def record(recorder: Recorder | None, args: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """ConfigError, StorageError: why nothing is recorded."""
    try:
        asked = RecordArgs.model_validate_json(json.dumps(dict(args)))  # ids come as text
    except ValidationError as error:
        raise ConfigError(f"record: {first_fault(error)}; it takes action, cameras, max_s, note and group") from error
    if recorder is None:
        raise ConfigError("record: this box records nothing; see record in its configuration")
    if asked.action == "stop":
        return {"stopped": [str(group) for group in recorder.stop(asked.group, asked.cameras)]}
    return {"group": str(recorder.start(asked.cameras, asked.max_s, asked.note))}

