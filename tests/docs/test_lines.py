"""Shell lines of the guides: each is one that the programs take, and each is run by a test that this table names."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

import pytest

import trainer.main
from device import main
from tests.docs.lines import ROOT, is_command, lines
from tests.docs.runners import RUNNERS, SITE

FOUND = lines()
OURS = [(line, words) for line in FOUND for words in line.commands if Path(words[0]).name in {"vedette", "vedette-trainer"}]


def parse(words: list[str]) -> None:
    """As the program itself reads them; it ends the process where they are wrong."""
    program, rest = Path(words[0]).name, words[1:]
    if program == "vedette-trainer":
        trainer.main.build_parser().parse_args(rest)
        return
    chosen, mine = main.parser().parse_known_args(rest)
    command = argparse.ArgumentParser(prog=f"vedette {chosen.command}")
    importlib.import_module(f"device.commands.{chosen.command.replace('-', '_')}").add_arguments(command)
    command.parse_args(mine)


def test_the_programs_take_each_line_of_the_guides(capsys: pytest.CaptureFixture[str]) -> None:
    refused = []
    for line, words in OURS:
        try:
            parse(words)
        except SystemExit:
            refused.append(f"{line.page}.md:{line.number}: {line.text}\n  {capsys.readouterr().err.splitlines()[-1]}")
    assert len(OURS) > 60
    assert not refused, "\n".join(refused)


def test_a_line_that_the_programs_do_not_take_is_noticed() -> None:
    for words in (["vedette", "clips", "keepp"], ["vedette-trainer", "rollout", "start", "x", "--canaries", "y"]):
        with pytest.raises(SystemExit):
            parse(words)


def test_a_block_is_read_line_by_line_without_comments(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    shell, tree, yaml = "make demo   # all of it\nX=1 sudo vedette check && cd a \\\n  b", "folder/\n  file   what", "make: 1"
    page.write_text(f"```\n{shell}\n```\n```\n{tree}\n```\n```yaml\n{yaml}\n```\n")
    found = lines([page])
    assert [(line.number, line.text) for line in found] == [(2, "make demo"), (3, "X=1 sudo vedette check && cd a b")]
    assert found[1].commands == [["vedette", "check"], ["cd", "a", "b"]]


def test_what_begins_like_a_command_in_a_block_is_one() -> None:
    strange = [line for line in FOUND if not is_command(line.text) and "=" not in line.text.split(maxsplit=1)[0]]
    assert [f"{line.page}.md:{line.number}: {line.text}" for line in strange] == []


def test_each_line_has_a_test_that_runs_it() -> None:
    """A new line in a guide needs one too: in `tests/docs/runners.txt`, by its words."""
    there = {(line.page, line.text) for line in FOUND}
    assert sorted(there - RUNNERS.keys()) == [], "lines without a test that runs them"
    assert sorted(RUNNERS.keys() - there) == [], "lines that are in no guide any more"


def test_who_runs_a_line_is_there() -> None:
    named = {runner.partition("#") for runner in RUNNERS.values() if "#" in runner}
    assert len(named) > 20
    assert sorted(f"{file}: no {word!r}" for file, _, word in named if not word or word not in (ROOT / file).read_text()) == []


def test_what_nobody_can_run_here_says_why() -> None:
    rest = {runner for runner in RUNNERS.values() if "#" not in runner and runner != SITE}
    assert not [runner for runner in rest if not runner.startswith("not here: ") or len(runner.split()) < 5]


