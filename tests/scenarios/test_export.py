"""Training data of a recorded file: the same bytes each time, nothing twice, and every record says why it is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataset.native import NativeReader
from dataset.picture import image_id, pixels
from tests.scenarios.stage import VISITS, config, film, run_vedette

WANTED = ("export.enabled=true", "export.events=[first, best, last]", "export.background_probability=0.2", "export.every_s=4")
DERIVED = {"index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "lock"}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("export")
    return film(folder / "visits.mkv"), config(folder, {"use": "pattern", "pace": "realtime"})


def exported(played: tuple[Path, Path], out: Path, *wanted: str) -> Path:
    path, device = played
    sets = [word for change in ("record=null", "pictures=null", *wanted) for word in ("--set", change)]
    command = ("replay", str(path), "--config", str(device), "--output", str(out), "--keep")
    done = run_vedette(*command, *sets, folder=path.parent)
    assert done.returncode == 0, done.stderr
    return out / "visits" / "dataset"


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file() and p.name not in DERIVED}


def test_the_same_film_gives_the_same_data_set_and_adds_nothing_the_second_time(played: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = exported(played, tmp_path / "a", *WANTED), exported(played, tmp_path / "b", *WANTED)
    assert files(first) == files(second)
    assert files(exported(played, tmp_path / "a", *WANTED)) == files(second)
    records = [json.loads(line) for line in (first / "manifest.jsonl").read_text().splitlines()]
    reasons = [record["reason"] for record in records]
    assert [reasons.count(f"event_{what}") for what in ("first", "last")] == [len(VISITS), len(VISITS)]
    assert 0 < reasons.count("background") <= 100
    assert reasons.count("schedule") > 3
    assert {record["sampling_probability"] for record in records if record["reason"].startswith("event")} == {1.0}
    assert {record["session"] for record in records} != {""}
    reader = NativeReader(first)
    for item in reader:
        assert item.path is not None
        assert image_id(pixels(item.path.read_bytes(), item.file)) == item.id
        assert not item.exhaustive_for, "a detector never says that it has seen all"
    reader.close()


def test_it_is_off_unless_asked_for_and_a_variable_asks(
    played: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not exported(played, tmp_path / "off").exists()
    monkeypatch.setenv("VEDETTE_EXPORT__ENABLED", "true")
    monkeypatch.setenv("VEDETTE_EXPORT__DIR", str(tmp_path / "elsewhere"))
    exported(played, tmp_path / "on")
    metadata = json.loads((tmp_path / "elsewhere" / "metadata.json").read_text())
    assert metadata["statistics"]["kept_by_reason"] == {"event_best": len(VISITS)}
    assert metadata["created"].startswith("2026-01-02T03:04")
