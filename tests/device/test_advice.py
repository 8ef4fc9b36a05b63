"""Options that are each right, and together are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from device.advice import advice
from device.commands.check import findings
from tests.device.test_probes import box


@pytest.mark.parametrize(("hold_ms", "gap_ms", "told"), [(8000, 3000, False), (3000, 3000, False), (2999, 3000, True), (0, 1, True)])
def test_a_gate_that_goes_idle_before_an_event_can_end_is_told(tmp_path: Path, hold_ms: int, gap_ms: int, told: bool) -> None:
    stages: dict[str, Any] = {"motion": {"hold_ms": hold_ms}, "confirm": {"max_gap_ms": gap_ms}}
    loaded = box(tmp_path, pipeline=stages)
    assert [f.level for f in advice(loaded)] == ["warning"] * told
    said = [f for f in findings(loaded, 1, probe=False) if f.what == "pipeline.motion.hold_ms"]
    assert len(said) == told
    assert all(f"set pipeline.motion.hold_ms to more than {gap_ms}" in f.mend for f in said)


def test_without_a_gate_there_is_nothing_to_say(tmp_path: Path) -> None:
    loaded = box(tmp_path, pipeline={"confirm": {"max_gap_ms": 60_000}})
    stages = {name: plug for name, plug in loaded.stages.items() if name != "motion"}
    assert advice(replace(loaded, stages=stages)) == []
