from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from dataset.exporter import Exporter
from tests.dataset.scenery import fill
from trainer.main import main


def test_a_store_is_made_filled_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Exporter(tmp_path / "set") as exporter:
        fill(exporter, range(3))
    store = ["--store", str(tmp_path / "s.sqlite"), "--json"]
    assert main(["store", "add", str(tmp_path / "set"), "--blobs", str(tmp_path / "b"), *store]) == 0
    assert json.loads(capsys.readouterr().out) == {"added": 3}
    assert main(["store", "upgrade", *store]) == 0
    capsys.readouterr()
    assert main(["store", "status", *store]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["pictures"], said["blobs"], said["data sets"], said["events"], said["missing"]) == (3, 3, 1, 0, {})
    assert main(["store", "status", "--store", str(tmp_path / "none" / "s.sqlite")]) == 1
    assert "run `vedette-trainer store upgrade`" in capsys.readouterr().err
