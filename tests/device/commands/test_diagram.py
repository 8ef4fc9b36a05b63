"""`vedette diagram`: to stdout or a file, of the stage that is meant, and in words when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from device.main import main

MACHINE = "{use: state_machine, initial: idle, states: {idle: {final: true}}}"
DRAWN = "stateDiagram-v2\n    [*] --> idle\n    idle --> [*]\n"


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "game.yaml"
    path.write_text(f"pipeline: {{machine: {MACHINE}}}\n")
    return path


def test_the_machine_of_a_profile_is_drawn(profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagram", "--profile", str(profile)]) == 0
    assert capsys.readouterr().out == DRAWN


@pytest.mark.parametrize(("name", "text"), [("out.mmd", DRAWN), ("out.md", f"```mermaid\n{DRAWN}```\n")])
def test_it_is_written_where_it_is_wanted(name: str, text: str, profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = profile.parent / name
    assert main(["diagram", "--profile", str(profile), "--output", str(out)]) == 0
    assert out.read_text() == text
    assert capsys.readouterr().out == ""


def test_of_several_one_is_named(profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile.write_text(f"pipeline: {{one: {MACHINE}, two: {MACHINE.replace('idle', 'done')}}}\n")
    assert main(["diagram", "--profile", str(profile)]) == 2
    assert "the state machines are: one, two" in capsys.readouterr().err
    assert main(["diagram", "--profile", str(profile), "--stage", "two"]) == 0
    assert "[*] --> done" in capsys.readouterr().out


def test_a_profile_without_one_and_a_folder_that_is_none_are_said(profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagram", "--profile", str(profile), "--output", str(profile / "out.md")]) == 5
    profile.write_text("pipeline: {}\n")
    assert main(["diagram", "--profile", str(profile)]) == 2
    assert "its pipeline has no state machine" in capsys.readouterr().err


def test_check_says_a_fault_of_a_machine_with_its_line(profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile.write_text("pipeline:\n  machine:\n    use: state_machine\n    initial: idel\n    states:\n      idle: {final: true}\n")
    assert main(["check", "--profile", str(profile), "--no-probe"]) == 2
    said = capsys.readouterr().err
    assert f"{profile}:4: pipeline.machine.initial" in said
    assert "did you mean `idle`?" in said


def test_check_shows_a_machine_in_the_words_it_was_declared_in(profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    states = "{a: {}, b: {final: true}}"
    profile.write_text(
        f"pipeline:\n  steady: {{use: steady}}\n  machine: {{use: state_machine, initial: a, states: {states}, "
        "transitions: [{from: a, on: go, to: b}]}\n"
    )
    assert main(["check", "--profile", str(profile), "--no-probe", "--merged"]) == 0
    assert "from:" in capsys.readouterr().out
