"""Worlds: recordings with things in them and models of a known quality, so that what a gate must say is known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from contracts.verdict import TestSet, Verdict
from trainer.gates.court import Evidence, decide
from trainer.gates.rules import Gates
from trainer.gates.rules_file import GatesFile
from trainer.gates.trial import Trial
from trainer.judge.answers_file import Contestant
from trainer.judge.ground import Case, Found, Ground, boxes_of

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
FRESH = TestSet(root="sha256:0", uses=1, models=1, level="fresh")
CLASSES = ("person", "car")


def world(recordings: int = 40, pictures: int = 3, things: int = 4, cameras: int = 2) -> Ground:
    """Things in a row, far from one another; of each picture half of each class."""
    boxes = boxes_of([[50 * n, 10, 30, 40 + 20 * (n % 2)] for n in range(things)])
    kinds = np.arange(things) % len(CLASSES)
    cases = []
    for r in range(recordings):
        place = {"device": f"box-{r % cameras}", "camera": f"cam-{r % cameras}", "hour": "06-12"}
        for p in range(pictures):
            cases.append(Case(f"r{r:03}p{p}", f"r{r:03}", boxes, kinds, np.zeros(things, bool), boxes_of([]), None, place))
    return Ground(CLASSES, tuple(cases))


def model(ground: Ground, recall: float, seed: int = 1, name: str = "", worse: Mapping[int, float] | None = None) -> Contestant:
    """Finds each thing with a chance that differs from recording to recording around `recall`; `worse`: less for a class.

    The chances are of the thing, not of the model: two models of one seed and one quality say the same, a worse one misses more of it.
    """
    dice = np.random.default_rng(seed)
    mood = {recording: dice.normal(0, 0.04) for recording in ground.recordings}
    answers = {}
    for case in ground.cases:
        chance, sure = dice.random(len(case.boxes)), dice.uniform(0.5, 1.0, len(case.boxes))
        floor = np.array([recall + mood[case.recording] - (worse or {}).get(int(kind), 0.0) for kind in case.kinds])
        found = chance < floor
        answers[case.id] = Found(case.boxes[found], sure[found], case.kinds[found])
    return Contestant(name or f"model-{recall:g}", answers, dict.fromkeys(CLASSES, 0.3))


def gates(rules: Mapping[str, Any], **more: Any) -> GatesFile:
    made = Gates.model_validate({"version": 1, "resamples": 300, "rules": rules, **more})
    return GatesFile(Path("gates.yaml"), made, "0" * 64)


def verdict(file: GatesFile, ground: Ground, candidate: Contestant, evidence: Evidence | None = None, **others: Contestant) -> Verdict:
    return decide(file, Trial(ground, {"candidate": candidate, **others}, file.gates), evidence or Evidence(FRESH), NOW)


def answers_of(result: Verdict) -> dict[str, str]:
    """By rule, the worst first."""
    order = ("fail", "not_enough_data", "pass")
    rules = {check.rule for check in result.checks}
    return {rule: min((c.answer for c in result.checks if c.rule == rule), key=order.index) for rule in rules}
