"""Apart: a library that trains, run by a small script of ours in a process of its own, of any environment that has it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from contracts.bundle import Head, Input
from contracts.errors import ConfigError
from contracts.files import storage, write_durably
from dataset.layout import read_small
from trainer.adapters.going_out import Doubt
from trainer.adapters.outside import model_at
from trainer.adapters.program import Limits, run_program
from trainer.jobs.told import Told
from trainer.train.config import TrainConfig
from vision.strict import Strict

PROGRAMS = Path(__file__).parent / "programs"
MISSING = 42  # exit code of a script whose library is not installed


class ApartOptions(Strict):
    python: str | None = Field(default=None, description="the interpreter of an environment that has the library; null: this one")
    weights: str | None = Field(default=None, description="a weights file it begins from; null: from nothing")
    time_limit_h: float = Field(default=24.0, gt=0, le=24 * 60, description="after which it is ended")
    doubt: Doubt = Field(default="leave_out", description="pictures that are not labelled whole: stay here, or their rest is background")
    settings: dict[str, str | int | float | bool] = Field(default_factory=dict, description="further arguments of its train(), by name")


class Answer(BaseModel):
    """What a script says when it is done."""

    version: str = Field(max_length=100)
    licence: str = Field(max_length=200)
    head: Head
    input: Input


def run_apart(
    script: str, library: str, what: str, config: TrainConfig, options: ApartOptions, data: Path, work: Path, told: Told
) -> tuple[bytes, Answer]:
    """The ONNX file and what it is. ConfigError: the library is not installed, and which extra brings it; or it failed."""
    out, run, said = work / "model.onnx", work / "run", work / "answer.json"
    with storage(run):
        run.mkdir()
    write_durably(work / "job.json", json.dumps(_job(what, config, options, data, out, said)).encode())
    python = options.python or sys.executable
    words = [python, "-I", str(PROGRAMS / script), str(work / "job.json")]
    log = work / "log.txt"
    quiet = {"HF_HUB_OFFLINE": "1", "YOLO_OFFLINE": "true"}  # nothing is fetched in silence
    try:
        run_program(words, run, log, Limits(options.time_limit_h * 3600), told, more=quiet)
    except ConfigError as error:
        if f"code {MISSING}" in str(error):
            where = options.python or "this environment"
            mend = f"pip install 'vedette[{library}]' into an environment and name its python in model.options.python"
            raise ConfigError(f"{library}: is not installed in {where}; {mend}") from error
        raise
    try:
        return model_at(out), Answer.model_validate_json(read_small(said))
    except ValidationError as error:
        raise ConfigError(f"{said}: is not what the script of {library} writes ({error.error_count()} faults); its log is {log}") from error


def _job(what: str, config: TrainConfig, options: ApartOptions, data: Path, out: Path, said: Path) -> Mapping[str, Any]:
    training, (height, width) = config.training, config.model.size
    return {
        "what": what,
        "data": str(data),
        "out": str(out),
        "answer": str(said),
        "height": height,
        "width": width,
        "epochs": training.epochs,
        "batch": training.batch_size,
        "seed": training.seed,
        "device": training.device,
        "threads": training.threads,
        "weights": options.weights,
        "settings": options.settings,
    }
