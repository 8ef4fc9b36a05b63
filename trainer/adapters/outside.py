"""Outside: any program the owner installed: a YOLO folder in, an ONNX file out, read as its owner declares and checked by running it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from contracts.bundle import Head, Input
from contracts.errors import ConfigError
from contracts.files import storage
from dataset.layout import read_small
from trainer.adapters.adapter import options_of
from trainer.adapters.going_out import Doubt, go_out
from trainer.adapters.program import Limits, run_program
from trainer.intake import MOST_BYTES, plain, read_onnx
from trainer.jobs.told import Told
from trainer.ship.foreign import Foreign, licence_notes
from trainer.ship.lesson import Lesson
from trainer.ship.measuring import Shown
from trainer.train.config import TrainConfig
from vision.heads import HEADS
from vision.strict import Strict

PLACE = re.compile(r"\{([a-z_]*)\}")
MOST_WORDS = 200


class OutsideOptions(Strict):
    """`head` and `input` say what the ONNX file takes and gives."""

    head: Head = Field(description="kind: yolo, end2end, points or ssd, and its options")
    input: Input = Field(description="name, dtype, layout, color, size, fit, mean and std as in bundle.json")
    licence: str = Field(min_length=1, max_length=200, description="under which the program lets its models be used, such as AGPL-3.0")
    source: str = Field(default="", max_length=500, description="the program with its version")
    time_limit_h: float = Field(default=24.0, gt=0, le=24 * 60, description="after which it is ended")
    doubt: Doubt = Field(default="leave_out", description="pictures that are not labelled whole: stay here, or their rest is background")
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @field_validator("head")
    @classmethod
    def _reads_boxes(cls, value: Head) -> Head:
        if value.kind not in {"yolo", "end2end", "points", "ssd"} or value.kind not in HEADS:
            raise ValueError("kind is one of yolo, end2end, points, ssd")
        return value


class Outside:
    Options = OutsideOptions

    def __init__(self, what: str, config: TrainConfig) -> None:
        self._name = what or "outside"
        self._options = options_of(OutsideOptions, config.model.options, f"outside:{what}")
        self._words = config.model.command
        if not self._words or len(self._words) > MOST_WORDS:
            raise ConfigError("model.command: name the program and its words as a list, such as [yolo, train, 'data={data}/data.yaml']")
        if not any("{out}" in word for word in self._words):
            raise ConfigError("model.command: no word has {out}, the ONNX file that the program is to write; give it one")

    def train(self, config: TrainConfig, lesson: Lesson, work: Path, told: Told) -> Foreign:
        told.progress(0.0, "writing the data set out")
        went = go_out(lesson, config.data, work / "data", self._options.doubt)
        out, run = work / "model.onnx", work / "run"
        with storage(run):
            run.mkdir()
        words = filled(self._words, places(config, went.folder, out, run))
        run_program(words, run, work / "log.txt", Limits(self._options.time_limit_h * 3600), told)
        trainer = self._options.source or self._name
        notes = [*licence_notes(trainer, self._options.licence), *went.notes()]
        return Foreign(model_at(out), Shown(lesson.labels, self._options.input, self._options.head), trainer, self._options.licence, notes)


def places(config: TrainConfig, data: Path, out: Path, run: Path) -> dict[str, str]:
    """What stands in the place of {name} in a word."""
    training, (height, width) = config.training, config.model.size
    numbers = {"epochs": training.epochs, "batch": training.batch_size, "seed": training.seed, "height": height, "width": width}
    paths = {"data": data, "yaml": data / "data.yaml", "out": out, "work": run}
    return {**{name: str(path) for name, path in paths.items()}, **{name: str(value) for name, value in numbers.items()}}


def filled(words: Sequence[str], known: dict[str, str]) -> list[str]:
    """Word by word; nothing is split, joined or given to a shell. ConfigError for a name that is not known."""
    strange = {name for word in words for name in PLACE.findall(word)} - set(known)
    if strange:
        names = ", ".join(f"{{{name}}}" for name in sorted(known))
        raise ConfigError(f"model.command: {{{sorted(strange)[0]}}} is not known; there are {names}")
    return [PLACE.sub(lambda match: known[match.group(1)], word) for word in words]


def model_at(path: Path) -> bytes:
    """Without the paths of this machine in it. ConfigError: the program ended well and left no model; BundleError: it is no plain ONNX."""
    if path.is_symlink() or not path.is_file():
        raise ConfigError(f"{path}: is not there though the program ended well; let it write its ONNX file to {{out}}")
    return plain(read_onnx(read_small(path, MOST_BYTES)))
