"""Figures: verdicts, what is kept of them, how legs take turns; nothing here is timed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import legs, readme, report, throughput
from bench.__main__ import chosen
from bench.report import Figure
from device.measuring import Speed


@pytest.mark.parametrize(
    ("value", "goal", "verdict"),
    [(0.97, ">= 0.97", "met"), (0.96, ">= 0.97", "not met"), (2.0, "<= 2", "met"), (2.01, "<= 2", "not met"), (5.0, "", "")],
)
def test_a_figure_is_held_against_its_goal(value: float, goal: str, verdict: str) -> None:
    assert Figure("f", value, "s", goal).verdict == verdict


def test_results_say_what_they_were_measured_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    report.report("speed", [Figure("whole way", 20.123456, "frames/s", ">= 10")], rounds=3)
    kept = json.loads((tmp_path / "speed.json").read_text())
    assert kept["figures"] == [{"name": "whole way", "value": 20.1235, "unit": "frames/s", "goal": ">= 10", "verdict": "met"}]
    assert kept["machine"].keys() == {"cpu", "cores", "memory_gb", "load"}
    assert {"date", "commit", "versions", "rounds"} <= kept.keys()
    assert report.figures_of(report.kept()["speed"])[0].verdict == "met"


def test_make_bench_runs_all_but_peers_or_those_that_are_named() -> None:
    known = {path.stem for path in (report.ROOT / "bench").glob("*.py") if "def main" in path.read_text()} - {"__main__", "readme"}
    assert {*chosen([]), "peers"} == known & {*readme.ORDER}
    assert chosen(["idle", "peers"]) == ["idle", "peers"]
    assert not [name for name in (*chosen([]), "peers") if not (report.ROOT / "bench" / f"{name}.py").is_file()]


def test_legs_take_turns_and_the_median_counts() -> None:
    calls: list[str] = []
    speeds = {"a": iter([Speed(1, 1, 1), Speed(10, 1, 1), Speed(30, 1, 3), Speed(20, 1, 1)])}

    def a(_seconds: float) -> Speed:
        calls.append("a")
        return next(speeds["a"])

    def b(_seconds: float) -> Speed:
        calls.append("b")
        return Speed(5, 1, 1)

    found = legs.measure({"a": a, "b": b}, rounds=3, seconds=2)
    assert calls == ["a", "b"] * 4  # the first round warms up and does not count
    assert found["a"].fps == pytest.approx(20)
    assert found["a"].cpu_ms == pytest.approx(100)


def test_ratios_are_of_what_was_measured_beside_them() -> None:
    speeds = {
        "decode": Speed(1000, 5, 5.0),
        "bare 320": Speed(70, 1, 2),
        "whole 320": Speed(63, 1, 2),
        "network 320": Speed(1000, 12.5, 20.0),
        "shaped 320": Speed(100, 1, 2),
    }
    figures = {figure.name.partition(": ")[2]: figure.value for figure in throughput.side_figures(320, speeds)}
    limit = 1.6 / (0.005 + 0.020)  # the network alone was given 1.6 cores
    assert figures["against InferenceSession.run on all cores"] == pytest.approx(0.9)
    assert figures["against the limit of this machine"] == pytest.approx(63 / limit)
    assert figures["in the picture's own shape, times the square"] == pytest.approx(100 / 63)


def test_the_readme_shows_the_results_that_are_kept() -> None:
    assert set(report.kept()) <= set(readme.ORDER)
    assert {"throughput", "stages", "start", "latency", "idle"} <= set(report.kept())
    assert f"{readme.BEGIN}\n{readme.table()}\n\n{readme.source()}\n{readme.END}" in (report.ROOT / "README.md").read_text(), (
        "run `python -m bench.readme`"
    )


def test_no_dependency_of_ours_is_agpl_because_of_a_bench() -> None:
    named = [report.ROOT / "pyproject.toml", *(report.ROOT / "requirements").glob("*.txt")]
    assert not [path.name for path in named if "ultralytics" in path.read_text().lower()]
