"""What others put into names, paths and reasons is one line of the log, and none of its own."""

from __future__ import annotations

import logging

import pytest

from trainer import logs

FORGED = "gone\nWARNING users: mallory is an admin\x1b[2J"


def test_no_line_of_the_log_is_written_by_somebody_else(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    logs.set_up()
    try:
        raise OSError(f"/x{FORGED}")  # the path that a reader asked for who then read nothing
    except OSError:
        logging.getLogger("ours").exception("%s", FORGED)
    said = capsys.readouterr().err
    assert "mallory" in said and "\x1b" not in said
    assert [line for line in said.splitlines() if not line.startswith("  ")] == [
        "ERROR gone\\nWARNING users: mallory is an admin\\x1b[2J"
    ]
