"""Checks of what a model costs, by figures that a box of the class in question measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from contracts.errors import ConfigError
from contracts.verdict import Check, Cost
from dataset.layout import read_small
from trainer.gates.rules import CostRule

UNITS = {"latency_p50_ms": "ms", "latency_p99_ms": "ms", "memory_mb": "MB", "size_mb": "MB"}


def read_cost(path: Path) -> Cost:
    try:
        return Cost.model_validate(json.loads(read_small(path, 1 << 20)))
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}; measure it again") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is not JSON ({error}); measure it again") from error


def cost_checks(name: str, rule: CostRule, costs: Sequence[Cost], candidate: str, champion: str | None) -> Iterator[Check]:
    blank = Check(rule=name, kind="cost", answer="not_enough_data", why="", metric=rule.metric)
    ours, theirs = _figure(rule, costs, candidate), _figure(rule, costs, champion)
    limit, asked = rule.at_most, f"at most {rule.at_most}"
    if rule.times_champion is not None:
        blank = blank.model_copy(update={"against": "champion", "theirs": theirs})
        if theirs is None:
            yield blank.model_copy(update={"why": f"no box of class {rule.target} measured {rule.metric} of the champion; give --cost"})
            return
        limit, asked = theirs * rule.times_champion, f"at most {rule.times_champion:g} times the champion's {theirs:g}"
    if ours is None or limit is None:
        yield blank.model_copy(
            update={"limit": limit, "why": f"no box of class {rule.target} measured {rule.metric} of this model; give --cost"}
        )
        return
    told = f"{rule.metric} {ours:g} {UNITS[rule.metric]} on {rule.target}, asked is {asked}"
    reached = ours <= limit
    words = {"answer": "pass" if reached else "fail", "why": f"{told}: {'reached' if reached else 'missed'}"}
    yield blank.model_copy(update={**words, "limit": limit, "estimate": ours, "ours": ours})


def _figure(rule: CostRule, costs: Sequence[Cost], model: str | None) -> float | None:
    """The worst that was measured of this very model on that class of box."""
    figures = [getattr(cost, rule.metric) for cost in costs if cost.model == model and cost.target == rule.target]
    known = [float(figure) for figure in figures if figure is not None]
    return max(known) if known else None
