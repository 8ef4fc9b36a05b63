"""Legs: what is compared is run in turn, A B A B, so that a machine that gets slower or busier does so for all of them."""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable, Mapping

from device.clock import SystemClock
from device.measuring import Speed

CORES = len(os.sched_getaffinity(0))
CLOCK = SystemClock()
Leg = Callable[[float], Speed]  # called with seconds


def measure(legs: Mapping[str, Leg], rounds: int, seconds: float) -> dict[str, Speed]:
    """The median of each leg, frames a second and CPU time each by itself. The first, short round only warms up."""
    seen: dict[str, list[Speed]] = {name: [] for name in legs}
    for leg in legs.values():
        leg(min(1.0, seconds))
    for number in range(rounds):
        for name, leg in legs.items():
            speed = leg(seconds)
            seen[name].append(speed)
            print(f"  {number + 1}/{rounds} {name}: {speed.fps:.1f} frames/s, {speed.cpu_ms:.1f} CPU ms a frame", flush=True)
    return {name: middle(speeds) for name, speeds in seen.items()}


def middle(speeds: list[Speed]) -> Speed:
    fps, cpu_ms = statistics.median(s.fps for s in speeds), statistics.median(s.cpu_ms for s in speeds)
    return Speed(1000, 1000 / fps, cpu_ms)


def plain(speeds: Mapping[str, Speed]) -> dict[str, dict[str, float]]:
    return {name: {"fps": round(speed.fps, 2), "cpu_ms": round(speed.cpu_ms, 2)} for name, speed in speeds.items()}


def arguments(words: str, rounds: int, seconds: float) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=words.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=rounds, help="how often each leg is run")
    parser.add_argument("--seconds", type=float, default=seconds, help="length of a leg")
    return parser.parse_args()
