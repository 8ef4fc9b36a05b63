"""Options of configurations that are pushed: how long they are looked at before they stay."""

from __future__ import annotations

from pydantic import Field

from device.pipeline.strict import Strict


class ConfigOptions(Strict):
    check_s: float = Field(default=300, gt=0, le=3600, description="so long `vedette check` may take with it, seconds")
    trial_s: float = Field(default=60, gt=0, le=86_400, description="so long the box must be as well as before, in one piece, seconds")
    wait_s: float = Field(
        default=600,
        ge=0,
        le=86_400,
        description="so much longer it may take, seconds, as a large disk is indexed anew; then it is taken back",
    )
