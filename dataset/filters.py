"""Filters: which records an owner wants to keep; what is below the confidence is not forgotten but marked as unknown."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dataset.marks import Mark


@dataclass(frozen=True, slots=True)
class Filters:
    """Each that is set must be met. `active_states`: one of them must be active."""

    successful_only: bool = False
    with_detections_only: bool = False
    min_confidence: float = 0.0
    active_states: frozenset[str] = frozenset()

    def refuses(self, marks: Sequence[Mark], success: bool | None, states: Collection[str]) -> str:
        """Why a record is not kept; empty: it is. The word is what it is counted under."""
        if self.successful_only and success is not True:
            return "not_successful"
        if self.active_states and not self.active_states & set(states):
            return "state"
        if self.with_detections_only and not marks:
            return "no_detections"
        if self.min_confidence and marks and all(self._doubtful(mark) for mark in marks):
            return "confidence"
        return ""

    def split(self, marks: Sequence[Mark]) -> tuple[list[Mark], list[Mark]]:
        """Marks to be taught, and those too doubtful: their places are ignored, for they must not teach background either."""
        return [mark for mark in marks if not self._doubtful(mark)], [mark for mark in marks if self._doubtful(mark)]

    def _doubtful(self, mark: Mark) -> bool:
        return not mark.verified and mark.confidence < self.min_confidence
