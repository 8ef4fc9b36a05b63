"""The gates file: every fault is told with file and line, and how to mend it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ConfigError, StorageError
from trainer.gates.rules import Absolute, CostRule, Golden, NonInferior
from trainer.gates.rules_file import read_gates

ROOT = Path(__file__).resolve().parents[3]
GOOD = """\
version: 1
confidence: 0.9
rules:
  recall-of-persons:
    kind: absolute
    metric: recall
    at_least: 0.98
    classes: [person]
  not-worse:
    kind: non_inferior
    metric: ap
    margin: 0.01
    slices: [camera, hour]
  past:
    kind: golden
    file: incidents.json
  fast:
    kind: cost
    metric: latency_p99_ms
    at_most: 40
    target: x86-2-cores
"""


def read(folder: Path, text: str) -> str:
    """The faults, without the folder."""
    path = folder / "gates.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_gates(path)
    return str(refused.value).replace(f"{folder}/", "")


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "gates.yaml"
    path.write_text(GOOD)
    file = read_gates(path)
    assert [type(rule) for rule in file.gates.rules.values()] == [Absolute, NonInferior, Golden, CostRule]
    assert len(file.sha256) == 64
    assert file.gates.confidence == 0.9


def test_the_example_of_the_guide_is_without_fault(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "guide" / "gates.md").read_text()
    (example,) = re.findall(r"```yaml gates\n(.*?)```", page, re.DOTALL)
    path = tmp_path / "gates.yaml"
    path.write_text(example)
    assert len(read_gates(path).gates.rules) == 4


def test_the_gates_that_ship_are_without_fault() -> None:
    shipped = sorted((ROOT / "configs" / "gates").glob("*.yaml"))
    assert shipped
    for path in shipped:
        assert read_gates(path).gates.rules


@pytest.mark.parametrize(
    ("was", "written", "told"),
    [
        (
            "    metric: recall",
            "    metrik: recall",
            "gates.yaml:6: rules.recall-of-persons.metrik: is not a known key; did you mean `metric`?",
        ),
        ("    kind: golden", "    kind: gold", "gates.yaml:14: rules.past: has no kind that is known; write `kind:` as one of absolute"),
        ("    margin: 0.01\n", "", "gates.yaml:9: rules.not-worse.margin: is missing; add `margin:` here"),
        (
            "    metric: ap\n",
            "    metric: mAP\n",
            "gates.yaml:11: rules.not-worse.metric: 'mAP' is none of the words allowed here; choose 'ap'",
        ),
        ("[camera, hour]", "[camera, moon]", "gates.yaml:13: rules.not-worse.slices.1: 'moon' is none of the words allowed here"),
        ("at_least: 0.98", "at_least: 98", "gates.yaml:4: rules.recall-of-persons: at_least 98.0 is not from 0 to 1; recall is a share"),
        (
            "at_least: 0.98",
            "at_most: 0.98",
            "gates.yaml:4: rules.recall-of-persons: recall needs `at_least` and not `at_most`; give that one",
        ),
        (
            "confidence: 0.9",
            "confidence: 95",
            "gates.yaml:2: confidence: 95: input should be less than or equal to 0.999; change the value",
        ),
        ("confidence: 0.9", "konfidence: 0.9", "gates.yaml:2: konfidence: is not a known key; did you mean `confidence`?"),
        ("confidence: 0.9", "version: 1", "gates.yaml:2: version: is there twice, first in line 1; keep one"),
        ("    at_most: 40\n", "", "gates.yaml:17: rules.fast: needs one of `at_most` and `times_champion`; give one"),
        ("margin: 0.01", "margin: .nan", "gates.yaml:12: rules.not-worse.margin"),
        ("rules:", "rules: [", "is not YAML"),
    ],
)
def test_a_fault_is_told_with_its_line_and_its_mend(tmp_path: Path, was: str, written: str, told: str) -> None:
    assert was in GOOD
    assert told in read(tmp_path, GOOD.replace(was, written, 1))


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("metric: recall", "metric: recal").replace("at_most: 40", "at_most: -1")
    assert len(read(tmp_path, text).splitlines()) == 2


def test_a_bomb_of_aliases_and_a_nest_without_end_are_refused(tmp_path: Path) -> None:
    assert "aliases (*a) are not taken" in read(tmp_path, "a: &a [1]\nb: [*a, *a]\n")
    assert "more than 12 things within one another" in read(tmp_path, "a: " + "[" * 500 + "]" * 500)
    assert "is not YAML" in read(tmp_path, "\x00")


def test_bias_cannot_be_compared_and_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    text = GOOD.replace("metric: ap", "metric: count_bias")
    assert "count_bias has no better direction; compare count_mae" in read(tmp_path, text)
    (tmp_path / "gates.yaml").write_text("#" * (2 << 20))
    with pytest.raises(StorageError, match="more than"):
        read_gates(tmp_path / "gates.yaml")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_by_name(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(ConfigError, match=r"any\.yaml"):
        read_gates(path)
