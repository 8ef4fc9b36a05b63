"""Told: a verdict as a table for people."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.verdict import Check, Verdict
from trainer.judge.told import table

WORDS = {"pass": "pass", "fail": "FAIL", "not_enough_data": "not enough data"}
HEAD = ("rule", "answer", "metric", "class", "slice", "against", "estimate", "low", "high", "limit", "recordings")


def told(verdict: Verdict) -> Iterator[str]:
    yield f"{WORDS[verdict.answer]}: {verdict.candidate}"
    for name, model in (("champion", verdict.champion), ("parent", verdict.parent)):
        if model:
            yield f"  {name} {model}"
    yield f"  test set {verdict.test_set.root}, {verdict.test_set.level}: {verdict.test_set.note}"
    yield ""
    yield from table(HEAD, [_row(check) for check in verdict.checks])
    refused = [check for check in verdict.checks if check.answer != "pass"]
    if refused:
        yield ""
    for check in refused:
        aside = " (overridden)" if check.overridden else "" if check.binding else " (told only)"
        yield f"{WORDS[check.answer]}{aside}: {' '.join(filter(None, (check.rule, check.label, check.slice)))}: {check.why}"
    for override in verdict.overrides:
        yield f"overridden by {override.name}: {override.rule}: {override.reason}"
    yield ""
    yield "It becomes the champion." if verdict.takes_the_title else "The champion stays what it is."


def _row(check: Check) -> tuple[str, ...]:
    answer = WORDS[check.answer] + ("*" if check.overridden or not check.binding else "")
    limit = None if check.limit is None else (-check.limit if check.kind == "non_inferior" else check.limit)
    figures = (_cell(value) for value in (check.estimate, check.low, check.high, limit))
    words = (check.metric, check.label, check.slice, check.against)
    return (check.rule, answer, *words, *figures, str(check.recordings) if check.recordings else "")


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}" if abs(value) >= 10 else f"{value:.4f}"
