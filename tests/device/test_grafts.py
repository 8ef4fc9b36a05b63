"""Grafts: a machine in a file of its own counts as if it stood in the profile, for its lines and for the configuration's hash."""

from __future__ import annotations

from pathlib import Path

import pytest

from device.config import load
from device.problems import BadConfig

MACHINE = "initial: idle\nstates:\n  idle: {timeout: {after: 5 s, to: over}}\n  over: {final: true}\n"


def profile(folder: Path, more: str = "") -> str:
    (folder / "game.yaml").write_text(f"pipeline:\n  machine: {{use: state_machine, machine: parts/raid.yaml{more}}}\n")
    (folder / "parts").mkdir(exist_ok=True)
    (folder / "parts" / "raid.yaml").write_text(MACHINE)
    return str(folder / "game.yaml")


def test_the_file_is_found_beside_the_one_that_names_it(tmp_path: Path) -> None:
    options = load(None, profile(tmp_path)).stages["machine"][1]
    assert (options.machine, options.initial, options.states["idle"].timeout.after) == (None, "idle", "5 s")


def test_what_stands_in_the_profile_counts_more(tmp_path: Path) -> None:
    assert load(None, profile(tmp_path, ", initial: over, states: {over: {final: true}}")).stages["machine"][1].initial == "over"


def test_the_configurations_hash_depends_on_the_file(tmp_path: Path) -> None:
    name = profile(tmp_path)
    before = load(None, name).digest()
    assert load(None, name).digest() == before
    (tmp_path / "parts" / "raid.yaml").write_text(MACHINE.replace("5 s", "6 s"))
    assert load(None, name).digest() != before


def test_a_file_that_is_not_there_or_none_is_said(tmp_path: Path) -> None:
    name = profile(tmp_path)
    (tmp_path / "parts" / "raid.yaml").write_text("machine: other.yaml\n")
    with pytest.raises(BadConfig, match="names `machine` or `use`"):
        load(None, name)
    (tmp_path / "parts" / "raid.yaml").unlink()
    with pytest.raises(BadConfig, match=r"raid\.yaml: file: cannot be read: No such file"):
        load(None, name)
    (tmp_path / "game.yaml").write_text("pipeline: {machine: {use: state_machine, machine: [a]}}\n")
    with pytest.raises(BadConfig, match="is no path; give the path of a YAML file"):
        load(None, name)


def test_on_is_a_key_and_yes_is_not(tmp_path: Path) -> None:
    (tmp_path / "game.yaml").write_text("pipeline: {yes: {use: track}}\n")
    with pytest.raises(BadConfig, match="is a key that is not text"):
        load(None, str(tmp_path / "game.yaml"))
    (tmp_path / "game.yaml").write_text("pipeline: {on: {use: track}}\n")
    assert list(load(None, str(tmp_path / "game.yaml")).stages) == ["on"]
