"""Checks of past incidents: what was missed once is found, what was seen wrongly once is not; every one, without statistics."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from contracts.errors import ConfigError
from contracts.verdict import Answer, Check, Incident, Incidents
from dataset.layout import read_small
from trainer.gates.rules import Golden
from trainer.judge.answers_file import Contestant
from trainer.judge.ground import boxes_of
from trainer.judge.matching import overlaps


def read_incidents(path: Path) -> tuple[Incident, ...]:
    try:
        found = Incidents.model_validate(json.loads(read_small(path, 64 << 20)))
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}; correct it there") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is not JSON ({error}); restore the file") from error
    names = [incident.id for incident in found.incidents]
    if len(set(names)) < len(names):
        raise ConfigError(f"{path}: incident {next(n for n in names if names.count(n) > 1)} is there twice; give each its own id")
    return tuple(found.incidents)


def golden_checks(name: str, rule: Golden, incidents: Sequence[Incident], model: Contestant, classes: Sequence[str]) -> Iterator[Check]:
    """One check for each incident that is not mended, or one that says that all are."""
    answers = [(incident, *_answer(incident, rule, model, classes)) for incident in incidents]
    if not answers:
        yield Check(rule=name, kind="golden", answer="not_enough_data", why=f"{rule.file} holds no incident; list some or remove the rule")
        return
    mended = sum(answer == "pass" for _, answer, _ in answers)
    for incident, answer, why in answers:
        if answer != "pass":
            yield Check(rule=name, kind="golden", answer=answer, why=f"incident {incident.id}: {why}", label=incident.label)
    if mended:
        words = f"{mended} of {len(answers)} incidents are still mended"
        yield Check(rule=name, kind="golden", answer="pass", why=words, estimate=mended / len(answers), limit=1.0, objects=len(answers))


def _answer(incident: Incident, rule: Golden, model: Contestant, classes: Sequence[str]) -> tuple[Answer, str]:
    if incident.picture not in model.answers:
        return "not_enough_data", f"the candidate was never asked about picture {incident.picture}; put it into the data set"
    if incident.label not in classes or incident.label not in model.points:
        return "not_enough_data", f"class {incident.label} has no operating point or is not in the data set"
    found = model.answers[incident.picture]
    boxes, confidence = found.of(list(classes).index(incident.label))
    there = overlaps(boxes, boxes_of([incident.bbox]))[:, 0] >= rule.iou
    shown = there & (confidence >= model.points[incident.label])
    if shown.any() == (incident.what == "missed"):
        return "pass", ""
    if incident.what == "false_alarm":
        return "fail", f"{incident.label} is seen again in picture {incident.picture}, confidence {confidence[shown].max():.3f}"
    best = f"best confidence {confidence[there].max():.3f}" if there.any() else "no answer there at all"
    return "fail", f"{incident.label} in picture {incident.picture} is missed again ({best}, shown from {model.points[incident.label]:.3f})"
