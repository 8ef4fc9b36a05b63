"""Waves: the rules of a rollout, and which box comes when."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from pydantic import Field, model_validator

from contracts.errors import ConfigError
from contracts.update import Mode
from contracts.wire import Wire


class Rules(Wire):
    """Shares are of the boxes that were assigned so far. An offline box has not answered: it counts for neither threshold."""

    steps: list[int] = Field(default=[10, 50, 100], min_length=1, max_length=20, description="percent of all boxes, after the canaries")
    success: float = Field(default=0.9, gt=0, le=1, description="share that must have accepted before the next wave begins")
    errors: int | None = Field(default=None, ge=0, description="more boxes than these refused it: halted; null: no such threshold")
    error_share: float = Field(default=0.05, ge=0, le=1, description="more than this share refused it: halted")
    approve: bool = Field(default=False, description="each wave waits until somebody approves it")
    mode: Mode = Field(default="live")
    days: float = Field(default=14, gt=0, le=365, description="until an assignment that was not begun expires")

    @model_validator(mode="after")
    def _steps_rise(self) -> Rules:
        if self.steps != sorted(set(self.steps)) or self.steps[-1] != 100 or self.steps[0] < 1:
            raise ValueError("steps are percents that rise to 100, such as 10,50,100")
        return self

    def broken(self, failed: int, assigned: int) -> str:
        """Which threshold, in words; empty: none."""
        if self.errors is not None and failed > self.errors:
            return f"{failed} boxes refused it, at most {self.errors} may"
        if assigned and failed > self.error_share * assigned:
            return f"{failed} of {assigned} boxes refused it ({failed / assigned:.1%}), at most {self.error_share:.1%} may"
        return ""

    def reached(self, accepted: int, assigned: int) -> bool:
        return assigned > 0 and accepted >= self.success * assigned


def waves(rollout: str, devices: Sequence[str], canaries: Sequence[str], steps: Sequence[int]) -> dict[str, int]:
    """Wave 0 are the canaries; the others come in an order that only the name of the rollout decides, so that no box is always first."""
    everybody, first = sorted(set(devices) | set(canaries)), set(canaries)
    if not everybody:
        raise ConfigError(f"rollout {rollout}: has no box; name them with --device, or --all that were heard of")
    rest = sorted((each for each in everybody if each not in first), key=lambda each: _lot(rollout, each))
    found = dict.fromkeys(sorted(first), 0)
    begin = 1 if first else 0
    done = 0
    for number, percent in enumerate(steps, begin):
        upto = max(0, math.ceil(len(everybody) * percent / 100) - len(first))
        for device in rest[done:upto]:
            found[device] = number
        done = max(done, upto)
    return found


def _lot(rollout: str, device: str) -> str:
    return hashlib.sha256(f"{rollout}\0{device}".encode()).hexdigest()
