"""Votes: what was read of one thing in many looks, and what it most likely says."""

from __future__ import annotations

from collections.abc import Mapping

MOST = 64  # readings of one field that are kept: a clock on a screen is another one each second


class Votes:
    """For each field every reading with its weight; equal weights go to the one read first."""

    def __init__(self) -> None:
        self._fields: dict[str, dict[str, float]] = {}

    def add(self, fields: Mapping[str, str], weight: float) -> None:
        for name, text in fields.items():
            readings = self._fields.setdefault(name, {})
            readings[text] = readings.get(text, 0.0) + weight
            if len(readings) > MOST:
                heavy = sorted(readings, key=lambda each: -readings[each])[: MOST // 2]
                self._fields[name] = {each: readings[each] for each in readings if each in {*heavy, text}}

    def elected(self) -> dict[str, str]:
        """The heaviest reading of each field, fields in order of their names."""
        return {name: max(readings, key=lambda each: readings[each]) for name, readings in sorted(self._fields.items())}
