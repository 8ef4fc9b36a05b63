"""Findings: what could not be read or kept, counted by reason, the first few of each in words; memory stays flat."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

EACH = 20  # told in words, of every reason


@dataclass(frozen=True, slots=True)
class Finding:
    """`where` is file and line, or file and element; `text` says what is wrong and what to do."""

    reason: str
    where: str
    text: str

    def words(self) -> str:
        return f"{self.where}: {self.text}"


class Findings:
    """Skipped items (`skipped`), and what was changed or left out of items that were taken (`noted`)."""

    def __init__(self) -> None:
        self.skipped: Counter[str] = Counter()
        self.noted: Counter[str] = Counter()
        self.told: list[Finding] = []

    def skip(self, reason: str, where: str, text: str) -> None:
        """An item is not taken."""
        self._tell(self.skipped, Finding(reason, where, text))

    def note(self, reason: str, where: str, text: str, count: int = 1) -> None:
        """An item is taken, but not all of it."""
        self._tell(self.noted, Finding(reason, where, text), count)

    def _tell(self, counter: Counter[str], finding: Finding, count: int = 1) -> None:
        if counter[finding.reason] < EACH:
            self.told.append(finding)
        counter[finding.reason] += count

    @property
    def clean(self) -> bool:
        return not self.skipped

    def document(self) -> dict[str, object]:
        """For --json."""
        told = [{"reason": each.reason, "where": each.where, "text": each.text} for each in self.told]
        return {"skipped": dict(self.skipped), "noted": dict(self.noted), "told": told}
