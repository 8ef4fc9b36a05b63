"""Score: what was reported held against what is true, one to one: who is missing, who is too many, how late, how well read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.scenarios.game.truth import Fact

NONE = "(none)"


@dataclass(frozen=True)
class Report:
    """An event as the log has it: its beginning, and what it says in the end."""

    kind: str
    pts_ns: int
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Score:
    pairs: tuple[tuple[Fact, Report], ...]
    missed: tuple[Fact, ...]
    extra: tuple[Report, ...]
    fields_right: int = 0
    fields_all: int = 0
    wrong: tuple[str, ...] = field(default=())

    @property
    def recall(self) -> float:
        return len(self.pairs) / max(1, len(self.pairs) + len(self.missed))

    @property
    def precision(self) -> float:
        return len(self.pairs) / max(1, len(self.pairs) + len(self.extra))

    @property
    def field_accuracy(self) -> float:
        return self.fields_right / max(1, self.fields_all)

    def error_ns(self, share: float) -> int:
        """The error in time that so many of the pairs do not exceed."""
        errors = sorted(fact.error_ns(report.pts_ns) for fact, report in self.pairs)
        return errors[min(len(errors) - 1, int(share * len(errors)))] if errors else 0


def reports(events: Iterable[Mapping[str, Any]], kinds: Iterable[str]) -> list[Report]:
    """One an event: its time from `new`, its data from the last message."""
    wanted, said = frozenset(kinds), {}
    for event in events:
        if event["kind"] in wanted:
            said[event["id"]] = event
    return sorted((Report(e["kind"], e["start_pts_ns"], _texts(e["data"])) for e in said.values()), key=lambda r: (r.pts_ns, r.kind))


def _texts(data: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in data.items() if value is not None}


def score(facts: Sequence[Fact], found: Sequence[Report], tolerance_ns: int) -> Score:
    """One to one, of one kind, within the tolerance: those first whose words agree, then the nearest in time."""
    near = [
        (fact.error_ns(report.pts_ns), -_agree(fact, report), n, m)
        for n, fact in enumerate(facts)
        for m, report in enumerate(found)
        if fact.kind == report.kind and fact.error_ns(report.pts_ns) <= tolerance_ns
    ]
    taken: dict[int, int] = {}
    for _, _, n, m in sorted(near, key=lambda each: (each[1], each[0], each[2], each[3])):
        if n not in taken and m not in taken.values():
            taken[n] = m
    pairs = tuple((facts[n], found[m]) for n, m in sorted(taken.items()))
    wrong = [
        f"{fact.kind} at {fact.pts_ns / 1e9:.2f} s: {name} is {value!r}, read {report.fields.get(name)!r}"
        for fact, report in pairs
        for name, value in fact.fields.items()
        if report.fields.get(name) != value
    ]
    total = sum(len(fact.fields) for fact, _ in pairs)
    missed = tuple(fact for n, fact in enumerate(facts) if n not in taken)
    extra = tuple(report for m, report in enumerate(found) if m not in taken.values())
    return Score(pairs, missed, extra, total - len(wrong), total, tuple(wrong))


def _agree(fact: Fact, report: Report) -> int:
    return sum(report.fields.get(name) == value for name, value in fact.fields.items())


def confusion(result: Score, tolerance_ns: int) -> dict[tuple[str, str], int]:
    """(what it was, what was reported): a missed one beside something extra of that time was taken for it."""
    table: dict[tuple[str, str], int] = {}
    extra = list(result.extra)
    for fact in result.missed:
        taken_for = next((each for each in extra if fact.error_ns(each.pts_ns) <= tolerance_ns), None)
        if taken_for:
            extra.remove(taken_for)
        key = fact.kind, taken_for.kind if taken_for else NONE
        table[key] = table.get(key, 0) + 1
    for report in extra:
        table[NONE, report.kind] = table.get((NONE, report.kind), 0) + 1
    for fact, report in result.pairs:
        table[fact.kind, report.kind] = table.get((fact.kind, report.kind), 0) + 1
    return table


def told(result: Score, tolerance_ns: int) -> str:
    """For people: the figures, the table, what was wrong."""
    lines = [
        f"recall {result.recall:.4f}, precision {result.precision:.4f}, of {len(result.pairs) + len(result.missed)} events",
        f"fields {result.fields_right} of {result.fields_all} ({result.field_accuracy:.4f})",
        f"time error p50 {result.error_ns(0.5) / 1e6:.0f} ms, p95 {result.error_ns(0.95) / 1e6:.0f} ms",
        *(f"{was:>20} -> {said:<20} {count}" for (was, said), count in sorted(confusion(result, tolerance_ns).items())),
        *(f"missed: {fact.kind} at {fact.pts_ns / 1e9:.2f} s {dict(fact.fields)}" for fact in result.missed),
        *(f"extra: {report.kind} at {report.pts_ns / 1e9:.2f} s {dict(report.fields)}" for report in result.extra),
        *result.wrong,
    ]
    return "\n".join(lines)
