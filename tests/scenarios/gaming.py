"""Gaming: the gameplay profile over rendered recordings, as an owner would run it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.device.publish.mosquitto import free_port
from tests.scenarios.game.score import Report, Score, reports, score
from tests.scenarios.game.truth import Truth
from tests.scenarios.stage import ROOT, run_vedette

MODELS = ROOT / ".cache" / "models"
SAMPLE_NS = 100_000_000  # the profile looks at ten pictures a second
TOLERANCE_NS = 1_000_000_000  # further apart they are two things


def box(folder: Path, camera: Mapping[str, Any] | None = None, **more: Any) -> Path:
    """A device.yaml for the profile."""
    if not (MODELS / "text-read" / "bundle.json").exists():
        pytest.skip("the models that read text are not here: run `make test` or scripts/text_model.py")
    path = folder / "device.yaml"
    settings = {
        "device_id": "box-01", "profile": "gameplay", "data": str(folder / "data"), "model": {"folders": [str(MODELS)], "trial_s": 0},
        "cameras": {"screen": camera or {"use": "pattern"}}, "page": {"port": free_port()}, **more,
    }  # fmt: skip
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path


def replayed(recording: Path, device: Path, name: str, timeout_s: float = 600) -> Path:
    """The log that `vedette replay` makes of it."""
    arguments = ["replay", str(recording), "--config", str(device), "--camera", "screen", "--output", name, "--json"]
    done = run_vedette(*arguments, folder=device.parent, timeout_s=timeout_s)
    assert done.returncode == 0, done.stderr
    return device.parent / name / recording.stem / "events.jsonl"


def batched(recording: Path, device: Path, name: str, *more: str, timeout_s: float = 600) -> Path:
    """The log that `vedette batch` makes of it, on two processes."""
    arguments = ["batch", "--video", str(recording), "--config", str(device), "--camera", "screen", "--output", name, "--workers", "2"]
    done = run_vedette(*arguments, "--json", *more, folder=device.parent, timeout_s=timeout_s)
    assert done.returncode == 0, done.stdout + done.stderr
    return device.parent / name / recording.stem / "events.jsonl"


def events(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()[1:]]


def judged(truth: Truth, messages: Sequence[Mapping[str, Any]], tolerance_ns: int = TOLERANCE_NS) -> Score:
    """Every kind that is true or was refused counts."""
    found: list[Report] = reports(messages, {*(fact.kind for fact in truth.facts), "transition_refused"})
    return score(truth.facts, found, tolerance_ns)
