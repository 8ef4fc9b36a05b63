from __future__ import annotations

import json
from pathlib import Path

import pytest

import trainer.main
from dataset.exporter import Exporter
from tests.dataset.scenery import about, seen, view
from trainer.datasets.split_file import read_split


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = trainer.main.main(["dataset", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_commands_split_check_continue_and_trace_a_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Exporter(tmp_path / "set") as exporter:
        for n in range(24):
            exporter.add(view(n), [seen("car")], about(n, session=f"s{n // 2}"))
    source, out = tmp_path / "set", tmp_path / "split.json"
    words = ("split", source, "--salt", "x", "--fractions", "0.4,0.3,0.3", "--near", "hold", "--json")
    code, text, err = run(capsys, *words, "--out", out)
    assert code == 0, err
    told = json.loads(text)
    code, text, _ = run(capsys, "hash", source, "--json", "--expect", told["root"])
    assert (code, json.loads(text)["root"]) == (0, told["root"])
    assert run(capsys, "hash", source, "--expect", "sha256:0")[0] == 1
    assert run(capsys, "check", source, "--split", out)[0] == 0
    with Exporter(tmp_path / "set") as exporter:
        exporter.add(view(99), [seen("car")], about(99, session="later"))
    code, text, _ = run(capsys, "check", source, "--split", out)
    assert (code, "later came after the split" in text) == (1, True)
    assert run(capsys, "split", source, "--after", out, "--out", tmp_path / "two.json")[0] == 0
    first, second = read_split(out), read_split(tmp_path / "two.json")
    assert second.after == first.root
    assert {g.name: g.side for g in first.groups}.items() <= {g.name: g.side for g in second.groups}.items()
    code, text, _ = run(capsys, "lineage", source, "--json")
    assert [row["session"] for row in json.loads(text)["recordings"]][:2] == ["later", "s0"]
    assert run(capsys, "check", source)[0] == 0


def test_a_leak_and_an_empty_side_write_nothing_and_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Exporter(tmp_path / "set") as exporter:
        for n in range(2):
            exporter.add(view(n), [seen("car")], about(n, session=f"s{n}"))
    out = tmp_path / "split.json"
    code, _, err = run(capsys, "split", tmp_path / "set", "--out", out, "--salt", "x")
    assert code == 1
    assert "got nothing of 2 recordings" in err
    assert not out.exists()
    assert run(capsys, "split", tmp_path / "set", "--out", out, "--salt", "x", "--allow-empty", "--near", "hold")[0] == 0
    code, _, err = run(capsys, "split", tmp_path / "set", "--out", out)
    assert (code, "is there already" in err) == (1, True)
    code, _, err = run(capsys, "split", tmp_path / "set", "--out", tmp_path / "2", "--after", out, "--salt", "y")
    assert (code, "has its salt; leave it out" in err) == (1, True)
