"""Options of drift."""

from __future__ import annotations

from pydantic import Field

from device.pipeline.strict import Strict


class DriftOptions(Strict):
    picture_every_s: float = Field(default=5, ge=1, le=3600, description="seconds between two pictures of a camera that are measured")
    save_s: float = Field(default=300, ge=5, le=3600, description="seconds of counting that a power cut may cost")
    kept_days: int = Field(default=14, ge=2, le=365, description="days for which the hours stay on this box")
