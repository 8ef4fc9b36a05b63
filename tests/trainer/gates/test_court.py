"""Verdicts: equal models pass, worse ones are refused by the rule that says so, too little data says so, small losses do not add up."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from contracts.errors import ConfigError
from contracts.verdict import Incident, Override, TestSet, Verdict
from tests.trainer.gates.worlds import CLASSES, FRESH, NOW, answers_of, gates, model, verdict, world
from trainer.gates.court import Evidence
from trainer.judge.answers_file import Contestant
from trainer.judge.ground import Case, Found, Ground, boxes_of

NOT_WORSE = {"kind": "non_inferior", "metric": "ap", "margin": 0.02, "classes": "each"}


def test_the_same_answers_pass_non_inferiority_and_take_no_title() -> None:
    ground = world()
    same = model(ground, 0.9)
    result = verdict(gates({"not-worse": NOT_WORSE}), ground, same, champion=same, parent=same)
    assert result.answer == "pass"
    assert not result.takes_the_title
    assert len(result.checks) == len(CLASSES) * 2


def test_a_model_equal_within_noise_passes() -> None:
    """Another training of the same quality: other things are missed, as many."""
    ground = world(recordings=120)
    rule = {**NOT_WORSE, "margin": 0.05}
    result = verdict(gates({"not-worse": rule}), ground, model(ground, 0.9, seed=2), champion=model(ground, 0.9), parent=model(ground, 0.9))
    assert result.answer == "pass", [check.why for check in result.checks]
    assert any(check.estimate for check in result.checks)


def test_a_worse_model_is_refused_by_the_rule_that_names_it() -> None:
    ground = world()
    rules = {"found-at-all": {"kind": "absolute", "metric": "recall", "at_least": 0.5}, "not-worse": NOT_WORSE}
    result = verdict(gates(rules), ground, model(ground, 0.8), champion=model(ground, 0.9), parent=model(ground, 0.8))
    assert result.answer == "fail"
    assert answers_of(result) == {"found-at-all": "pass", "not-worse": "fail"}
    refused = [check for check in result.checks if check.answer == "fail"]
    assert {check.against for check in refused} == {"champion"}
    assert all(
        check.estimate is not None and check.estimate < -0.05 and "a loss of 0.02 is allowed: missed" in check.why for check in refused
    )


def test_a_loss_in_one_class_is_not_hidden_by_the_other() -> None:
    ground = world(recordings=60)
    result = verdict(
        gates({"not-worse": {**NOT_WORSE, "to": ["champion"]}}), ground, model(ground, 0.9, worse={1: 0.15}), champion=model(ground, 0.9)
    )
    assert {check.label: check.answer for check in result.checks} == {"person": "pass", "car": "fail"}


def test_a_loss_in_one_slice_is_found_in_that_slice() -> None:
    ground = world(recordings=60)
    champion = model(ground, 0.95)
    weak = {case.id for case in ground.cases if case.slices["camera"] == "cam-1"}
    worse = model(ground, 0.6).answers
    candidate = replace(champion, answers={name: worse[name] if name in weak else found for name, found in champion.answers.items()})
    rule = {"kind": "non_inferior", "metric": "recall", "margin": 0.05, "slices": ["camera", "size"], "to": ["champion"]}
    found = {check.slice: check.answer for check in verdict(gates({"r": rule}), ground, candidate, champion=champion).checks}
    assert found["camera=cam-0"] == "pass"
    assert found["camera=cam-1"] == "fail"
    assert found["size=small"] == "not_enough_data"
    assert found["size=medium"] == "fail"


def test_too_few_recordings_are_not_enough_data_however_many_pictures_they_have() -> None:
    ground = world(recordings=4, pictures=100)
    perfect = model(ground, 2.0)
    result = verdict(gates({"recall": {"kind": "absolute", "metric": "recall", "at_least": 0.9}}), ground, perfect)
    (check,) = result.checks
    assert result.answer == check.answer == "not_enough_data"
    assert (check.recordings, check.needed) == (4, 10)
    assert "too few to say" in check.why


def test_a_limit_that_is_reached_but_not_beyond_doubt_says_how_many_recordings_would_decide() -> None:
    """Of 120 things none is missed; even so the recall may be as low as 0.978."""
    ground = world(recordings=10)
    result = verdict(gates({"recall": {"kind": "absolute", "metric": "recall", "at_least": 0.98}}), ground, model(ground, 2.0))
    (check,) = result.checks
    assert check.answer == "not_enough_data"
    assert check.estimate == 1.0
    assert check.low is not None
    assert check.low == pytest.approx(0.978, abs=0.001)
    more = world(recordings=(check.needed or 0) + 5)
    assert check.needed
    assert verdict(gates({"recall": {"kind": "absolute", "metric": "recall", "at_least": 0.98}}), more, model(more, 2.0)).answer == "pass"


def test_ten_small_losses_in_a_row_do_not_add_up() -> None:
    """Each is within the margin of its parent; the champion stays, so the sum of the losses is what is judged."""
    ground = world(recordings=80, things=8)
    rules = {"not-worse": {"kind": "non_inferior", "metric": "recall", "margin": 0.03}}
    file = gates(rules, title={"metric": "recall"})
    champion = parent = model(ground, 0.95, name="generation 0")
    passed, only_parent = [], []
    for generation in range(1, 11):
        child = model(ground, 0.95 - 0.01 * generation, name=f"generation {generation}")
        result = verdict(file, ground, child, champion=champion, parent=parent)
        only_parent.append(next(check.answer for check in result.checks if check.against == "parent"))
        assert not result.takes_the_title
        if result.answer == "pass":
            passed.append(child)
        parent = child
    assert only_parent == ["pass"] * 10
    assert 1 <= len(passed) <= 3
    assert champion.model == "generation 0"


def test_a_better_model_takes_the_title_and_the_first_to_pass_does() -> None:
    ground = world()
    rules = {"not-worse": {**NOT_WORSE, "to": ["champion"]}}
    result = verdict(gates(rules), ground, model(ground, 0.95), champion=model(ground, 0.85))
    assert (result.answer, result.takes_the_title) == ("pass", True)
    first = verdict(gates({"recall": {"kind": "absolute", "metric": "recall", "at_least": 0.5}}), ground, model(ground, 0.9))
    assert (first.answer, first.takes_the_title) == ("pass", True)


def test_without_a_champion_the_comparison_is_not_answered_and_can_be_overridden_with_a_reason() -> None:
    ground, file = world(), gates({"not-worse": {**NOT_WORSE, "to": ["champion"]}})
    result = verdict(file, ground, model(ground, 0.9))
    assert result.answer == "not_enough_data"
    assert "there is no champion" in result.checks[0].why
    given = Override(rule="not-worse", reason="the first model there is", name="Ada", t=NOW)
    result = verdict(file, ground, model(ground, 0.9), Evidence(FRESH, overrides=[given]))
    assert result.answer == "pass"
    assert result.overrides == [given]
    assert all(check.overridden and check.answer == "not_enough_data" for check in result.checks)


def test_an_overridden_worse_model_passes_but_takes_no_title() -> None:
    ground = world()
    rules = {"fast": {"kind": "cost", "metric": "latency_p99_ms", "at_most": 5, "target": "x86"}, "not-worse": NOT_WORSE}
    given = Override(rule="fast", reason="no box of that class is here", name="Ada", t=NOW)
    old = model(ground, 0.8)
    result = verdict(gates(rules), ground, model(ground, 0.95), Evidence(FRESH, overrides=[given]), champion=old, parent=old)
    assert (result.answer, result.takes_the_title) == ("pass", False)


def test_overriding_one_rule_leaves_the_others_in_force_and_a_stranger_is_refused() -> None:
    ground, champion = world(), model(world(), 0.9)
    file = gates({"not-worse": NOT_WORSE, "recall": {"kind": "absolute", "metric": "recall", "at_least": 0.99}})
    given = Override(rule="not-worse", reason="we know what we do", name="Ada", t=NOW)
    result = verdict(file, ground, model(ground, 0.7), Evidence(FRESH, overrides=[given]), champion=champion, parent=champion)
    assert result.answer == "fail"
    stranger = given.model_copy(update={"rule": "not-wrose"})
    with pytest.raises(ConfigError, match="there is no such rule; the rules are not-worse, recall"):
        verdict(file, ground, champion, Evidence(FRESH, overrides=[stranger]), champion=champion, parent=champion)


def test_a_thin_slice_refuses_unless_the_rule_only_wants_to_be_told() -> None:
    ground = world(recordings=60, cameras=20)
    rule = {"kind": "absolute", "metric": "recall", "at_least": 0.5, "slices": ["camera"]}
    assert verdict(gates({"r": rule}), ground, model(ground, 0.95)).answer == "not_enough_data"
    result = verdict(gates({"r": {**rule, "thin_slices": "tell"}}), ground, model(ground, 0.95))
    assert result.answer == "pass"
    assert sum(not check.binding for check in result.checks) == 20


def test_a_class_without_an_operating_point_is_told_by_name() -> None:
    ground = world()
    candidate = replace(model(ground, 0.9), points={"person": 0.3})
    result = verdict(gates({"r": {"kind": "absolute", "metric": "recall", "at_least": 0.5, "classes": "each"}}), ground, candidate)
    assert {check.label: check.answer for check in result.checks} == {"person": "pass", "car": "not_enough_data"}
    assert any("class car: has no operating point" in check.why for check in result.checks)


def test_a_class_that_the_data_set_does_not_have_is_refused() -> None:
    ground = world()
    with pytest.raises(ConfigError, match="dog: the data set has none of that name"):
        verdict(gates({"r": {**NOT_WORSE, "classes": ["dog"]}}), ground, model(ground, 0.9), champion=model(ground, 0.9))


def test_counting_too_many_fails_the_bias_and_the_mean_error() -> None:
    ground = world()
    plain = model(ground, 2.0)
    extra = boxes_of([[5, 300, 30, 30]])
    double = {n: Found(np.vstack([f.boxes, extra]), np.append(f.confidence, 0.9), np.append(f.kinds, 0)) for n, f in plain.answers.items()}
    rules = {
        "bias": {"kind": "absolute", "metric": "count_bias", "at_most": 0.1, "classes": "each"},
        "error": {"kind": "absolute", "metric": "count_mae", "at_most": 0.3, "classes": "each"},
    }
    result = verdict(gates(rules), ground, replace(plain, answers=double))
    assert {(c.rule, c.label): (c.answer, c.estimate) for c in result.checks} == {
        ("bias", "person"): ("fail", 1.0),
        ("bias", "car"): ("pass", 0.0),
        ("error", "person"): ("fail", 1.0),
        ("error", "car"): ("pass", 0.0),
    }


def test_errors_that_grow_are_a_loss_too() -> None:
    ground = world(recordings=60)
    rules = {"error": {"kind": "non_inferior", "metric": "count_mae", "margin": 0.1, "to": ["champion"]}}
    result = verdict(gates(rules), ground, model(ground, 0.6), champion=model(ground, 0.95))
    assert result.answer == "fail"
    assert verdict(gates(rules), ground, model(ground, 0.95), champion=model(ground, 0.6)).answer == "pass"


def incident(picture: str, what: str = "missed", bbox: tuple[float, float, float, float] = (0, 10, 30, 40)) -> Incident:
    return Incident.model_validate({"id": f"{picture}-{what}", "picture": picture, "label": "person", "bbox": bbox, "what": what})


def golden(candidate: Contestant, ground: Ground, *incidents: Incident) -> Verdict:
    file = gates({"past": {"kind": "golden", "file": "incidents.json"}})
    return verdict(file, ground, candidate, Evidence(FRESH, incidents={"past": incidents}))


def test_a_past_miss_must_stay_found() -> None:
    ground = world()
    perfect = model(ground, 2.0)
    assert golden(perfect, ground, incident("r000p0"), incident("r001p0")).answer == "pass"
    blind = replace(perfect, answers={**perfect.answers, "r001p0": Found.nothing()})
    result = golden(blind, ground, incident("r000p0"), incident("r001p0"))
    assert result.answer == "fail"
    assert any("r001p0 is missed again (no answer there at all" in check.why for check in result.checks)
    shy = replace(perfect, points={"person": 1.0})
    assert "best confidence" in golden(shy, ground, incident("r000p0")).checks[0].why


def test_a_past_false_alarm_must_stay_away_and_a_picture_nobody_asked_about_is_no_answer() -> None:
    ground = world()
    perfect = model(ground, 2.0)
    assert golden(perfect, ground, incident("r000p0", "false_alarm", (0, 400, 30, 30))).answer == "pass"
    assert golden(perfect, ground, incident("r000p0", "false_alarm")).answer == "fail"
    assert golden(perfect, ground, incident("elsewhere")).answer == "not_enough_data"
    assert golden(perfect, ground).answer == "not_enough_data"


def test_a_worn_out_test_set_refuses_by_itself() -> None:
    ground = world()
    file = gates({"r": {"kind": "absolute", "metric": "recall", "at_least": 0.5}}, test_set={"warn_after": 1, "refuse_after": 2})
    worn = TestSet(root="sha256:0", uses=9, models=3, level="worn_out", note="3 models were judged")
    result = verdict(file, ground, model(ground, 0.9), Evidence(worn))
    assert result.answer == "fail"
    assert answers_of(result) == {"r": "pass", "test-set": "fail"}


def test_the_same_trial_gives_the_same_verdict_and_another_seed_other_bounds() -> None:
    ground, champion = world(), model(world(), 0.9, seed=3)
    rules = {"not-worse": {**NOT_WORSE, "metric": "recall", "to": ["champion"]}}
    first, again = (verdict(gates(rules), ground, model(ground, 0.9), champion=champion) for _ in range(2))
    assert first == again
    others = [verdict(gates(rules, seed=seed), ground, model(ground, 0.9), champion=champion) for seed in (2, 3, 4, 5)]
    assert all([check.estimate for check in other.checks] == [check.estimate for check in first.checks] for other in others)
    assert len({check.low for other in others for check in other.checks}) > len(first.checks)  # in steps, so two may agree by chance


def test_pictures_of_one_recording_do_not_pretend_to_be_many() -> None:
    """Each recording ten times the same picture: the bounds stay as wide as with one."""
    once, ten = world(recordings=30, pictures=1), world(recordings=30, pictures=10)
    single = model(once, 0.85)
    copies = replace(single, answers={case.id: single.answers[f"{case.recording}p0"] for case in ten.cases})
    file = gates({"f1": {"kind": "absolute", "metric": "f1", "at_least": 0.1}})
    narrow, wide = verdict(file, ten, copies).checks[0], verdict(file, once, single).checks[0]
    assert narrow.estimate == pytest.approx(wide.estimate)
    assert narrow.low == pytest.approx(wide.low)


def test_a_ground_without_anything_to_find_answers_nothing() -> None:
    empty = Case("p", "r", boxes_of([]), np.zeros(0, np.int64), np.zeros(0, bool), boxes_of([]))
    ground = Ground(CLASSES, (empty,))
    nothing = Contestant("blind", {"p": Found.nothing()}, dict.fromkeys(CLASSES, 0.3))
    for metric in ("ap", "ap50", "ar", "recall", "precision", "f1"):
        result = verdict(gates({"r": {"kind": "absolute", "metric": metric, "at_least": 0.5}}), ground, nothing)
        assert result.answer == "not_enough_data", metric
        assert not any(isinstance(c.estimate, float) and math.isnan(c.estimate) for c in result.checks)
