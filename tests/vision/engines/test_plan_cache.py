"""Plans are kept as many as a box has use for; what was used last is known without a clock."""

from __future__ import annotations

import os
from pathlib import Path

from vision.engines.plan_cache import KEPT, PlanCache


def keys(root: Path) -> set[str]:
    return {path.parent.name for path in root.glob("*/plan")}


def test_plans_of_models_that_are_long_gone_make_room(tmp_path: Path) -> None:
    cache = PlanCache(tmp_path)
    for number in range(KEPT):
        cache.save(f"{number}", b"plan", {})
    assert cache.load("0") == b"plan"
    cache.save("new", b"plan", {})
    assert keys(tmp_path) == {"0", "new", *(f"{number}" for number in range(2, KEPT))}


def test_a_clock_that_begins_in_1970_makes_no_plan_old(tmp_path: Path) -> None:
    cache = PlanCache(tmp_path)
    for number in range(KEPT):
        cache.save(f"{number}", b"plan", {})
    cache.save("new", b"plan", {})
    os.utime(tmp_path / "new", ns=(0, 0))
    assert cache.load("new") == b"plan"  # and so it is the last that was used
    cache.save("newer", b"plan", {})
    assert {"new", "newer"} <= keys(tmp_path)


def test_half_a_plan_that_a_power_cut_left_makes_room_too(tmp_path: Path) -> None:
    half = tmp_path / ("f" * 64) / "plan"
    half.parent.mkdir()
    half.write_bytes(b"half")
    cache = PlanCache(tmp_path)
    for number in range(KEPT):
        cache.save(f"{number:064}", b"plan", {})
    assert not half.exists()
    assert all(cache.load(f"{number:064}") for number in range(KEPT))
