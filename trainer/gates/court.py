"""Court: every rule asked, what was overridden set aside, and the verdict that comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from contracts.errors import ConfigError
from contracts.verdict import Answer, Check, Cost, Incident, Override, TestSet, Verdict
from trainer.gates.cost_checks import cost_checks
from trainer.gates.golden_checks import golden_checks
from trainer.gates.measured_checks import measured_checks
from trainer.gates.rules import CostRule, Golden
from trainer.gates.rules_file import GatesFile
from trainer.gates.trial import CANDIDATE, Trial

CHAMPION, PARENT = "champion", "parent"
TEST_SET = "test-set"  # the rule about how worn it is


@dataclass(frozen=True)
class Evidence:
    """What the rules need beside the trial."""

    test_set: TestSet
    incidents: Mapping[str, Sequence[Incident]] = field(default_factory=dict)  # by rule
    costs: Sequence[Cost] = ()
    overrides: Sequence[Override] = ()


def decide(file: GatesFile, trial: Trial, evidence: Evidence, t: datetime) -> Verdict:
    checks = [*_checks(file, trial, evidence)]
    _known(evidence.overrides, checks)
    aside = {override.rule for override in evidence.overrides}
    checks = [check.model_copy(update={"overridden": check.rule in aside and check.answer != "pass"}) for check in checks]
    answer = _whole(checks)
    gates, models = file.gates, trial.models
    return Verdict(
        answer=answer,
        takes_the_title=answer == "pass" and _better(trial, checks),
        candidate=models[CANDIDATE].model,
        champion=models[CHAMPION].model if CHAMPION in models else None,
        parent=models[PARENT].model if PARENT in models else None,
        gates_sha256=file.sha256,
        confidence=gates.confidence,
        resamples=gates.resamples,
        seed=gates.seed,
        test_set=evidence.test_set,
        checks=checks,
        overrides=list(evidence.overrides),
        t=t,
    )


def _checks(file: GatesFile, trial: Trial, evidence: Evidence) -> Iterator[Check]:
    models = trial.models
    for name, rule in file.gates.rules.items():
        if isinstance(rule, Golden):
            yield from golden_checks(name, rule, evidence.incidents.get(name, ()), models[CANDIDATE], trial.ground.classes)
        elif isinstance(rule, CostRule):
            champion = models[CHAMPION].model if CHAMPION in models else None
            yield from cost_checks(name, rule, evidence.costs, models[CANDIDATE].model, champion)
        else:
            yield from measured_checks(name, rule, trial)
    if evidence.test_set.level == "worn_out":
        limit = file.gates.test_set.refuse_after
        yield Check(
            rule=TEST_SET, kind="test_set", answer="fail", why=evidence.test_set.note, limit=limit, estimate=evidence.test_set.models
        )


def _whole(checks: Sequence[Check]) -> Answer:
    """Everything that binds and was not overridden must pass."""
    answers = {check.answer for check in checks if check.binding and not check.overridden}
    if "fail" in answers:
        return "fail"
    return "not_enough_data" if "not_enough_data" in answers else "pass"


def _better(trial: Trial, checks: Sequence[Check]) -> bool:
    """The champion gives way only to a better one, shown beyond doubt: the merely not inferior would lower it a little each time.
    What was overridden does not take the title from anybody."""
    if CHAMPION not in trial.models:
        return True
    if any(check.overridden for check in checks):
        return False
    kinds = tuple(range(len(trial.ground.classes)))
    try:
        _, _, bounds = trial.gain(trial.gates.title.metric, kinds, trial.whole, CHAMPION)
    except ConfigError:
        return False  # one of the two has no operating point
    return bounds.low > 0


def _known(overrides: Sequence[Override], checks: Sequence[Check]) -> None:
    rules = {check.rule for check in checks}
    for override in overrides:
        if override.rule not in rules:
            raise ConfigError(f"--override {override.rule}: there is no such rule; the rules are {', '.join(sorted(rules))}")
