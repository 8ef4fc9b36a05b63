"""Verify: a log is proven by running its recording again, or the first difference and its cause are said."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from contracts.errors import ConfigError, StorageError
from device.batch.verify import verified
from device.config import Loaded, load
from tests.device.batch.films import CLOCK, batched, one_pass
from tests.scenarios.stage import config, film


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Loaded, Path, Path, Path]:
    """A configuration, a film with one visit, its document, its replay's log."""
    folder = tmp_path_factory.mktemp("verify")
    loaded = load(config(folder, {"use": "pattern", "pace": "realtime"}))
    video = film(folder / "visit.mkv", ((1.0, 4.0),), 6.0)
    document = batched(loaded, video, folder / "out", 2.0).document
    one_pass(loaded, video, folder / "out" / "replayed")
    return loaded, video, document, folder / "out" / "replayed" / "events.jsonl"


def test_a_document_and_a_log_are_found_identical_wherever_the_recording_is(made: tuple[Loaded, Path, Path, Path], tmp_path: Path) -> None:
    loaded, video, document, log = made
    assert str(verified(document, loaded, "file", CLOCK)) == "identical, 1 entries"
    assert verified(log, loaded, "file", CLOCK).identical, "visit.mkv is a folder further up"
    moved = tmp_path / "moved.mkv"
    moved.write_bytes(video.read_bytes())
    assert verified(log, loaded, "file", CLOCK, moved).identical


def test_the_first_difference_is_said_and_that_nothing_else_explains_it(made: tuple[Loaded, Path, Path, Path], tmp_path: Path) -> None:
    loaded, video, document, log = made
    plain = json.loads(document.read_bytes())
    plain["events"][0]["confidence"] = 0.5
    (tmp_path / "forged.json").write_text(json.dumps(plain))
    verdict = verified(tmp_path / "forged.json", loaded, "file", CLOCK, video)
    assert not verdict.identical and verdict.fingerprint == ()
    assert verdict.difference.startswith("entry 1: confidence is 0.5 in the log and ") and "software are the same" in str(verdict)
    lines = log.read_bytes().splitlines(keepends=True)
    (tmp_path / "short.jsonl").write_bytes(b"".join(lines[:-1]))
    assert "the log ends, and here is object at" in verified(tmp_path / "short.jsonl", loaded, "file", CLOCK, video).difference


def test_another_configuration_is_named(made: tuple[Loaded, Path, Path, Path], tmp_path: Path) -> None:
    loaded, _, document, _ = made
    later = load(loaded.files[1], None, {"pipeline": {"confirm": {"sightings": 9}}})
    assert str(verified(document, later, "file", CLOCK)) == "identical, 1 entries; though made with another config_hash"
    rarer = load(loaded.files[1], None, {"detection_fps": 0.4})
    verdict = verified(document, rarer, "file", CLOCK)
    assert not verdict.identical and verdict.fingerprint == ("config_hash",) and "entry 1" in verdict.difference


def test_what_cannot_be_verified_is_refused(made: tuple[Loaded, Path, Path, Path], tmp_path: Path) -> None:
    loaded, _, document, log = made
    other = film(tmp_path / "other.mkv", ((2.0, 3.0),), 4.0)
    with pytest.raises(ConfigError, match="is not the recording of"):
        verified(document, loaded, "file", CLOCK, other)
    (tmp_path / "alone.jsonl").write_bytes(log.read_bytes())
    with pytest.raises(ConfigError, match=r"visit\.mkv is not there; name it with --video"):
        verified(tmp_path / "alone.jsonl", loaded, "file", CLOCK)
    plain = json.loads(document.read_bytes())
    plain["metadata"]["video_path"] = "a" * 10_000
    (tmp_path / "long.json").write_text(json.dumps(plain))
    with pytest.raises(ConfigError, match="is not there; name it with --video"):
        verified(tmp_path / "long.json", loaded, "file", CLOCK)
    plain["metadata"]["session_start_time"] = "9999-12-31T23:59:59.000000Z"
    (tmp_path / "far.json").write_text(json.dumps(plain))
    with pytest.raises(StorageError, match="says that the recording began in 9999"):
        verified(tmp_path / "far.json", loaded, "file", CLOCK)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="is not a file; name a log"):
        verified(tmp_path / "pipe", loaded, "file", CLOCK)
    (tmp_path / "deep").write_text('{"processed_at":' + "[" * 100_000 + "\n")
    with pytest.raises(StorageError, match="is damaged or not JSON"):
        verified(tmp_path / "deep", loaded, "file", CLOCK)
    (tmp_path / "noise").write_bytes(b"\x00\xff" * 30)
    with pytest.raises(StorageError):
        verified(tmp_path / "noise", loaded, "file", CLOCK)
