"""Gates of a candidate beside the champion's, rule by rule: what was asked, what each reached, and who passed."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.verdict import Answer, Check, Verdict

ORDER = {"fail": 0, "not_enough_data": 1, "pass": 2}
SHADES = {"pass": "ok", "fail": "failed", "not_enough_data": "degraded"}
MOST_ROWS = 400


@dataclass(frozen=True, slots=True)
class GateRow:
    """`theirs`: the champion's own figure; `their_answer`: of the champion's own gates, where they asked the same."""

    what: str
    asked: str
    ours: float | None
    low: float | None
    high: float | None
    theirs: float | None
    their_answer: Answer | None
    answer: Answer
    why: str
    binding: bool
    overridden: bool


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    kind: str
    answer: Answer
    their_answer: Answer | None
    overridden: bool
    rows: list[GateRow]
    hidden: int  # rows that pass and are too many to be shown


Question = tuple[str, str, str, str, str]


def side_by_side(candidate: Verdict, champion: Verdict | None) -> list[Rule]:
    """The worst first."""
    before = {_question(check): check for check in champion.checks} if champion else {}
    rules = [_rule(name, checks, before) for name, checks in _by_rule(candidate).items()]
    return sorted(rules, key=lambda rule: (ORDER[rule.answer], rule.name))


def _by_rule(verdict: Verdict) -> dict[str, list[Check]]:
    found: dict[str, list[Check]] = {}
    for check in verdict.checks:
        found.setdefault(check.rule, []).append(check)
    return found


def _rule(name: str, checks: list[Check], before: dict[Question, Check]) -> Rule:
    ordered = sorted(checks, key=lambda check: (not check.binding, ORDER[check.answer], check.label, check.slice))
    theirs = [before[key] for check in checks if (key := _question(check)) in before]
    return Rule(
        name,
        checks[0].kind,
        _worst(checks),
        _worst(theirs) if theirs else None,
        any(check.overridden for check in checks),
        [_row(check, before.get(_question(check))) for check in ordered[:MOST_ROWS]],
        max(0, len(ordered) - MOST_ROWS),
    )


def _worst(checks: list[Check]) -> Answer:
    """What does not bind decides nothing."""
    return min((check.answer for check in checks if check.binding), key=lambda answer: ORDER[answer], default="pass")


def _row(check: Check, theirs: Check | None) -> GateRow:
    ours = check.ours if check.ours is not None else check.estimate
    their_figure = check.theirs if check.theirs is not None else (theirs.estimate if theirs and theirs.ours is None else None)
    if their_figure is None and theirs is not None:
        their_figure = theirs.ours
    return GateRow(
        _what(check), _asked(check), ours, check.low, check.high, their_figure, theirs.answer if theirs else None,
        check.answer, check.why, check.binding, check.overridden,
    )  # fmt: skip


def _what(check: Check) -> str:
    """`recall of person, camera=yard`."""
    said = (check.metric or check.kind).replace("_", " ") + (f" of {check.label}" if check.label else "")
    return f"{said}, {check.slice}" if check.slice else said


def _asked(check: Check) -> str:
    if check.limit is None:
        return "–"
    if check.kind == "non_inferior":
        return f"loses at most {check.limit:g} to the {check.against}"
    return f"{check.limit:g}"


def _question(check: Check) -> Question:
    return check.rule, check.metric, check.label, check.slice, check.against
