"""RfDetr: detectors of RF-DETR (Apache-2.0), `rfdetr:nano` the smallest, trained in a process apart; they want weights to begin from."""

from __future__ import annotations

from pathlib import Path

from contracts.bundle import Head
from contracts.errors import ConfigError
from trainer.adapters.adapter import options_of
from trainer.adapters.apart import ApartOptions, run_apart
from trainer.adapters.detr_graph import finished
from trainer.adapters.going_out import go_out
from trainer.jobs.told import Told
from trainer.ship.foreign import Foreign, licence_notes
from trainer.ship.lesson import Lesson
from trainer.ship.measuring import Shown
from trainer.train.config import TrainConfig

KINDS = ("nano", "small", "medium", "large")  # the larger ones are under another licence
SCRATCH = "began from nothing: a transformer learns little from few pictures; name weights in model.options.weights"


class RfDetr:
    Options = ApartOptions

    def __init__(self, what: str, config: TrainConfig) -> None:
        if what not in KINDS:
            raise ConfigError(f"model.architecture rfdetr:{what[:40]}: is not known; write rfdetr: and one of {', '.join(KINDS)}")
        self._what = what
        self._options = options_of(ApartOptions, config.model.options, f"rfdetr:{what}")

    def train(self, config: TrainConfig, lesson: Lesson, work: Path, told: Told) -> Foreign:
        told.progress(0.0, "writing the data set out")
        went = go_out(lesson, config.data, work / "data", self._options.doubt)
        data, said = run_apart("rfdetr_program.py", "rfdetr", self._what, config, self._options, went.folder, work, told)
        trainer = f"rfdetr {said.version} {self._what}"
        notes = [*licence_notes(trainer, said.licence), *went.notes()]
        began = self._options.weights
        notes.append(SCRATCH if began is None else f"began from the weights {Path(began).name}, which have a licence of their own")
        shown = Shown(lesson.labels, said.input, Head(kind="end2end", options={"units": "share"}))
        return Foreign(finished(data, len(lesson.labels)), shown, trainer, said.licence, notes)
