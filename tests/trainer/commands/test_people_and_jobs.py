"""users, jobs and serve on the command line."""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from trainer.main import main

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("VEDETTE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("VEDETTE_TRAINER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def add(monkeypatch: pytest.MonkeyPatch, name: str, role: str, password: str = PASSWORD) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    return main(["users", "add", name, "--role", role, "--password-stdin"])


def test_people_are_let_in_and_out_and_the_audit_tells(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(monkeypatch, "ada", "admin") == 0
    assert add(monkeypatch, "bo", "viewer") == 0
    assert add(monkeypatch, "bo", "viewer") == 1
    assert add(monkeypatch, "cy", "viewer", "short") == 1
    assert main(["users", "role", "bo", "--role", "labeller"]) == 0
    monkeypatch.setenv("VEDETTE_TRAINER_PASSWORD", "another horse entirely")
    assert main(["users", "passwd", "bo"]) == 0
    capsys.readouterr()
    assert main(["users", "ls", "--json"]) == 0
    assert [(each["name"], each["role"]) for each in json.loads(capsys.readouterr().out)] == [("ada", "admin"), ("bo", "labeller")]
    assert main(["users", "rm", "ada"]) == 1
    assert "last admin stays" in capsys.readouterr().err
    assert main(["users", "audit", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["who"], each["action"], each["what"]) for each in told] == [
        ("command line", "password changed", "bo"), ("command line", "role changed", "bo"), ("command line", "user added", "bo"),
        ("command line", "user added", "ada"),
    ]  # fmt: skip
    assert main(["users", "audit", "--check"]) == 0


def test_nobody_is_asked_for_a_password_who_is_not_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["users", "add", "ada", "--role", "admin"]) == 1
    assert "--password-stdin" in capsys.readouterr().err


def test_jobs_are_asked_for_looked_at_and_cancelled(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "run", "dataset_hash", "set=yard", "threads=2"]) == 0
    job = capsys.readouterr().out.strip()
    assert main(["jobs", "show", job, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["state"], shown["arguments"]) == ("waiting", {"set": "yard", "threads": 2})
    assert main(["jobs", "ls", "--state", "waiting"]) == 0
    assert job in capsys.readouterr().out
    assert main(["jobs", "cancel", job]) == 0
    assert main(["jobs", "run", "dataset_hash", "--follow"]) == 1
    assert main(["jobs", "run", "dataset_hash", "yard"]) == 1
    assert main(["jobs", "show", job]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^created +20\d\d-\d\d-\d\dT[\d:.]+Z$", said, re.MULTILINE)
    assert re.search(r"^started +-$", said, re.MULTILINE)
    assert main(["jobs", "show", "none"]) == 1
    capsys.readouterr()
    assert main(["jobs", "kinds", "--json"]) == 0
    assert "set" in json.loads(capsys.readouterr().out)["dataset_hash"]["properties"]


def test_the_page_is_not_served_where_nobody_could_log_in_or_others_could_listen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--port", "0", "--no-worker"]) == 1
    assert "users add" in capsys.readouterr().err
    assert main(["serve", "--host", "0.0.0.0"]) == 1
    assert "can be reached by others" in capsys.readouterr().err
