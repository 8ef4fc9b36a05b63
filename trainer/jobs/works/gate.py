"""Gate as a job: whether a bundle may be promoted, by a gates file of the home; the verdict is kept in verdicts/."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from trainer.jobs.kinds import Given, Result
from trainer.jobs.told import Told
from trainer.jobs.works.arguments import Digest, Name
from vision.strict import Strict


class Arguments(Strict):
    gates: Name = Field(description="name of a file in the home's gates/, without .yaml")
    set: Name
    split: Name | None = Field(default=None, description="of the home's splits/; null: the sides the set itself names")
    side: str = Field(default="test", pattern="^(train|val|test|)$", description="empty: all of it")
    candidate: Digest
    champion: Digest | None = None
    parent: Digest | None = None
    costs: tuple[Name, ...] = Field(default=(), max_length=20, description="names of files in the home's costs/, without .json")
    override: tuple[str, ...] = Field(default=(), max_length=20, description="rules set aside; needs a reason")
    reason: str = Field(default="", max_length=2000, description="why they are set aside; at least 10 characters, it is kept")


def work(arguments: Arguments, given: Given, told: Told) -> Result:
    from contracts.errors import ConfigError
    from contracts.wire import utc_from_ns
    from trainer.gates.court import Evidence, decide
    from trainer.gates.rules_file import read_gates
    from trainer.gates.trial import Trial
    from trainer.gates.uses import Uses
    from trainer.home import named
    from trainer.jobs.works.judged import judged
    from trainer.judge.loading import judged_root
    from trainer.registry.verdicts import keep, verdict_of

    now = utc_from_ns(given.clock.wall_ns())
    file = read_gates(named(given.home.gates, arguments.gates, ".yaml"))
    overrides, incidents = _overrides(arguments, given.who, now), _incidents(file)
    told.progress(0, "reading the data set")
    asked = judged(given.home, arguments.set, arguments.split, arguments.side, file.gates.utc_offset_h)
    root = judged_root(asked.ground)
    golden = [incident.picture for each in incidents.values() for incident in each]
    models = _models(arguments, given, asked, golden, told)
    flattered = [who for who, model in models.items() if model.points_root == root]
    if flattered:
        raise ConfigError(f"{flattered[0]}: its operating points were chosen on these very pictures; choose them on val")
    told.progress(0.9, "judging")
    test_set = Uses(given.home.path / "test-sets.jsonl").count(root, models["candidate"].model, now, file.gates.test_set)
    evidence = Evidence(test_set, incidents, _costs(arguments, given.home.path / "costs"), overrides)
    verdict = decide(file, Trial(asked.ground, models, file.gates), evidence, now)
    kept = verdict_of(verdict.model_dump_json(indent=1).encode() + b"\n", given.job)
    keep(given.home, kept)
    told_registry = _tell(given, arguments.candidate, kept.sha256)
    checks = [f"{check.rule}: {check.why}" for check in verdict.checks if check.answer == "fail" and check.binding]
    said = {"verdict": kept.sha256, "answer": verdict.answer, "takes_the_title": verdict.takes_the_title}
    return {**said, "registered": told_registry, "failed": checks[:20]}


def _tell(given: Given, candidate: str, verdict: str) -> bool:
    """The registry learns of it where it knows the model; one that is no release yet is judged before it is added."""
    from contracts.errors import ConfigError
    from trainer.registry.registry import Registry
    from trainer.registry.verdicts import verdict_path

    digest = f"sha256:{candidate.removeprefix('sha256:')}"
    registry = Registry(given.database, given.home, given.clock)
    try:
        registry.judge(digest, verdict_path(given.home, verdict), given.who or "job")
    except ConfigError:
        return False
    return True


def _models(arguments: Arguments, given: Given, asked: Any, golden: list[str], told: Told) -> dict[str, Any]:
    from trainer.jobs.works.judged import bundle_path, ticking
    from trainer.judge.answers_file import contestant

    wanted = {name: getattr(arguments, name) for name in ("candidate", "champion", "parent")}
    paths = {name: bundle_path(given.home, digest) for name, digest in wanted.items() if digest is not None}
    models = {}
    for number, (name, path) in enumerate(paths.items()):
        tick = ticking(told, f"the {name} on pictures", len(asked.items), 0.05 + 0.8 * number / len(paths), 0.8 / len(paths))
        models[name] = contestant(asked.answers(path, tick, golden), asked.ground)
    return models


def _overrides(arguments: Arguments, who: str, now: datetime) -> list[Any]:
    from pydantic import ValidationError

    from contracts.errors import ConfigError
    from contracts.verdict import Override

    try:
        return [Override(rule=rule, reason=arguments.reason.strip(), name=who, t=now) for rule in arguments.override]
    except ValidationError as error:
        raise ConfigError("job gate: a rule that is set aside needs a reason of at least 10 letters; it is kept in the verdict") from error


def _incidents(file: Any) -> dict[str, Any]:
    from contracts.files import inside
    from trainer.gates.golden_checks import read_incidents
    from trainer.gates.rules import Golden

    folder = file.path.parent
    return {name: read_incidents(inside(folder, rule.file)) for name, rule in file.gates.rules.items() if isinstance(rule, Golden)}


def _costs(arguments: Arguments, folder: Path) -> list[Any]:
    from trainer.gates.cost_checks import read_cost
    from trainer.home import named

    return [read_cost(named(folder, name, ".json")) for name in arguments.costs]
