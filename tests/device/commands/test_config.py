"""vedette config: what was pushed, listed and shown, the one before by hand; and a box that cannot read what was pushed to it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from device.commands.arguments import add_config
from device.commands.configured import configured
from device.main import main
from device.update.config_slots import Revisions
from device.update.config_starts import Starts

CAMERA = "cameras: {yard: {use: pattern}}\n"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "device.yaml").write_text(f"data: {tmp_path}/data\n{CAMERA}")
    return tmp_path / "data"


def in_force(data: Path, *texts: str) -> list[str]:
    """One after the other, each kept."""
    revisions, digests = Revisions(data), []
    for number, text in enumerate(texts, 1):
        digests.append(revisions.put(text.encode(), {"rev": number, "target": f"configs/shop/shop-{number}.yaml"}))
        revisions.link("current", digests[-1])
        revisions.keep()
    return digests


def links(data: Path) -> tuple[str | None, ...]:
    return tuple(Revisions(data).linked(name) for name in ("current", "good", "previous"))  # type: ignore[arg-type]


def test_listed_shown_and_taken_back_by_hand(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = in_force(data, "detection_fps: 1\n", "detection_fps: 2\n")

    def typed(*words: str) -> Any:
        code = main(["config", *words])
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    rows = {row["digest"]: row for row in json.loads(typed("ls", "--json"))}
    assert (rows[two]["links"], rows[one]["links"], rows[one]["rev"]) == (["current", "good"], ["previous"], 1)
    assert f"{one[:12]}  configs/shop/shop-1.yaml  previous" in typed("ls")
    assert (
        typed("show") == "detection_fps: 2\n"
        and typed("show", "1") == "detection_fps: 1\n"
        and typed("show", one[:8]) == "detection_fps: 1\n"
    )
    assert json.loads(typed("show", "2", "--json"))["text"] == "detection_fps: 2\n"
    assert one[:12] in typed("rollback") and links(data) == (one, one, two)
    assert typed("use", "2").startswith(f"configuration {two[:12]} is in force") and links(data) == (two, two, one)
    assert "is not on this box" in typed("show", "77")


def test_back_to_none_and_forth(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (one,) = in_force(data, "detection_fps: 1\n")
    assert main(["config", "rollback"]) == 0 and "no pushed configuration is in force" in capsys.readouterr().out
    assert links(data) == (None, None, one)
    assert main(["config", "rollback"]) == 0 and links(data) == (one, one, None)


def test_nothing_was_pushed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "ls"]) == 0 and main(["config", "rollback"]) == 2 and main(["config", "show"]) == 2
    assert "there is nothing to go back from" in capsys.readouterr().err


def test_one_on_trial_is_given_up_by_rollback_and_one_that_was_rejected_may_be_used(data: Path) -> None:
    one, two = in_force(data, "detection_fps: 1\n", "detection_fps: 2\n")
    revisions, starts = Revisions(data), Starts(data)
    bad = revisions.put(b"detection_fps: 3\n", {"rev": 3})
    revisions.link("current", bad)
    assert main(["config", "rollback"]) == 0 and links(data) == (two, two, one)
    revisions.link("current", bad)
    for _ in range(4):
        starts.begin()
    assert starts.rejects(bad) and links(data) == (two, two, one)
    revisions.collect(starts.rejected())
    assert main(["config", "use", "3"]) == 0 and links(data) == (bad, bad, two) and not starts.rejects(bad)


def test_what_this_box_cannot_read_is_not_used(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Revisions(data).put(b"mqtt: {host: evil}\n", {"rev": 1})
    assert main(["config", "use", "1"]) == 2 and links(data) == (None, None, None)
    assert "no pushed revision may change it" in capsys.readouterr().err


def test_a_box_that_cannot_read_what_was_pushed_runs_with_what_was_good_and_says_so(data: Path) -> None:
    parser = argparse.ArgumentParser()
    add_config(parser)
    args = parser.parse_args([])
    (one,) = in_force(data, "detection_fps: 1\n")
    assert (configured(args).pushed, configured(args).set_aside) == (one, "")
    revisions = Revisions(data)
    revisions.link("current", revisions.put(b"detection_fsp: 1\n", {}))
    found = configured(args)
    assert found.pushed == one and found.settings.detection_fps == 1 and "did you mean `detection_fps`" in found.set_aside
    revisions.link("good", None)
    found = configured(args)
    assert found.pushed is None and found.settings.detection_fps == 10 and found.set_aside
