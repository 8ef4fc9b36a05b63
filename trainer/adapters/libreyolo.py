"""LibreYolo: detectors of LibreYOLO (MIT), `libreyolo:yolox-n` the smallest, trained in a process apart."""

from __future__ import annotations

from pathlib import Path

from contracts.errors import ConfigError
from trainer.adapters.adapter import options_of
from trainer.adapters.apart import ApartOptions, run_apart
from trainer.adapters.going_out import go_out
from trainer.jobs.told import Told
from trainer.ship.foreign import Foreign, licence_notes
from trainer.ship.lesson import Lesson
from trainer.ship.measuring import Shown
from trainer.train.config import TrainConfig

KINDS = (
    *(f"yolox-{size}" for size in ("n", "t", "s", "m", "l", "x")),
    *(f"yolo9-{size}" for size in ("t", "s", "m", "c")),
)


class LibreYolo:
    Options = ApartOptions

    def __init__(self, what: str, config: TrainConfig) -> None:
        if what not in KINDS:
            raise ConfigError(f"model.architecture libreyolo:{what[:40]}: is not known; write libreyolo: and one of {', '.join(KINDS)}")
        self._what = what
        self._options = options_of(ApartOptions, config.model.options, f"libreyolo:{what}")

    def train(self, config: TrainConfig, lesson: Lesson, work: Path, told: Told) -> Foreign:
        told.progress(0.0, "writing the data set out")
        went = go_out(lesson, config.data, work / "data", self._options.doubt)
        data, said = run_apart("libreyolo_program.py", "libreyolo", self._what, config, self._options, went.folder, work, told)
        trainer = f"libreyolo {said.version} {self._what}"
        notes = [*licence_notes(trainer, said.licence), *went.notes()]
        if self._options.weights is not None:
            notes.append(f"began from the weights {Path(self._options.weights).name}, which have a licence of their own")
        return Foreign(data, Shown(lesson.labels, said.input, said.head), trainer, said.licence, notes)
