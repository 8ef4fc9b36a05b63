"""Cost: figures of a box of the right class, of this very model, in the limit or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.errors import ConfigError
from contracts.verdict import Check, Cost
from trainer.gates.cost_checks import cost_checks, read_cost
from trainer.gates.rules import CostRule

OURS, THEIRS = "sha256:ours", "sha256:theirs"


def cost(model: str, **figures: Any) -> Cost:
    return Cost.model_validate({"model": model, "target": "x86", "pictures": 100, **figures})


def check(costs: list[Cost], **rule: Any) -> Check:
    made = CostRule.model_validate({"kind": "cost", "metric": "latency_p99_ms", "target": "x86", **rule})
    (result,) = cost_checks("fast", made, costs, OURS, THEIRS)
    return result


def test_the_worst_that_was_measured_must_keep_the_limit() -> None:
    fast, slow = cost(OURS, latency_p99_ms=30), cost(OURS, latency_p99_ms=50)
    assert check([fast], at_most=40).answer == "pass"
    assert check([fast, slow], at_most=40).answer == "fail"
    assert "latency_p99_ms 50 ms on x86, asked is at most 40" in check([slow], at_most=40).why


@pytest.mark.parametrize(
    "costs",
    [[], [cost(THEIRS, latency_p99_ms=1)], [cost(OURS, memory_mb=5)], [cost(OURS, latency_p99_ms=1).model_copy(update={"target": "arm"})]],
)
def test_what_was_not_measured_of_this_model_on_that_box_is_no_answer(costs: list[Cost]) -> None:
    assert check(costs, at_most=40).answer == "not_enough_data"


def test_a_limit_in_terms_of_the_champion_needs_the_champions_figure() -> None:
    ours, theirs = cost(OURS, latency_p99_ms=30), cost(THEIRS, latency_p99_ms=25)
    assert check([ours, theirs], times_champion=1.5).answer == "pass"
    assert check([ours, theirs], times_champion=1.1).answer == "fail"
    assert "of the champion" in check([ours], times_champion=1.5).why


@pytest.mark.parametrize(("text", "told"), [("{", "is not JSON"), ('{"model": "m"}', "target: Field required"), ("[]", "the file")])
def test_a_file_that_is_none_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "cost.json").write_text(text)
    with pytest.raises(ConfigError, match=r"cost\.json.*" if told == "the file" else told):
        read_cost(tmp_path / "cost.json")
