"""Training elsewhere: a run whose network another program trains; its folder holds what any run's does."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from importlib import metadata
from pathlib import Path

import torch

from contracts.envelope import Ulids
from contracts.errors import VedetteError
from contracts.exported import Exported
from contracts.files import make_folders, storage
from contracts.run import Best, Run, Software
from contracts.wire import utc_from_ns
from trainer.adapters.adapter import Adapter, open_adapter
from trainer.clock import Clock, SystemClock
from trainer.home import Home
from trainer.jobs.told import Told
from trainer.ship.exporting import export_foreign
from trainer.ship.lesson import Lesson, lesson_of
from trainer.train.config import TrainConfig
from trainer.train.run_folder import RunFolder

WORK, DATA = "outside", "data"


def train_elsewhere(config: TrainConfig, home: Home, told: Told, kinds: Sequence[str] = (), clock: Clock | None = None) -> Run:
    """The run as it ended, with model.onnx and export.json in its folder. ConfigError, BundleError: it failed, its run.json says why."""
    time = clock or SystemClock()
    adapter, lesson = open_adapter(config), lesson_of(config.data, home)
    folder, run = _begun(config, lesson, home, time)
    with closing(folder):
        folder.lock()
        try:
            document = _trained(adapter, config, lesson, folder, kinds, told)
        except BaseException as error:
            stopped = told.stopped() or isinstance(error, KeyboardInterrupt)
            why = str(error)[:2000] or type(error).__name__
            folder.write(run.model_copy(update={"state": "stopped" if stopped else "failed", "why": why, "ended": _now(time)}))
            if stopped and isinstance(error, VedetteError):
                return folder.read()
            raise
        whole = document.files[0]
        best = Best(epoch=config.training.epochs, ap50=whole.figures.ap50, ap=whole.figures.ap)
        ended = {"state": "done", "ended": _now(time), "best": best, "weights_sha256": f"sha256:{whole.sha256}", "notes": document.notes}
        run = run.model_copy(update=ended)
        folder.write(run)
    return run


def give_up(home: Home, name: str, clock: Clock) -> None:
    """A run whose process died: another program cannot go on with it, and nobody else would write down that it is over."""
    folder = RunFolder(home.runs / name)
    with closing(folder):
        folder.lock()
        shutil.rmtree(folder.path / WORK / DATA, ignore_errors=True)
        run = folder.read()
        if run.state in {"queued", "running"}:
            folder.write(run.model_copy(update={"state": "failed", "why": "its process died; train again", "ended": _now(clock)}))


def _trained(adapter: Adapter, config: TrainConfig, lesson: Lesson, folder: RunFolder, kinds: Sequence[str], told: Told) -> Exported:
    work = folder.path / WORK
    with storage(work):
        make_folders(work)
    try:
        model = adapter.train(config, lesson, work, told)
    finally:
        shutil.rmtree(work / DATA, ignore_errors=True)  # copies of pictures that are in the set
    return export_foreign(model, lesson, folder.path, kinds, told)


def _begun(config: TrainConfig, lesson: Lesson, home: Home, time: Clock) -> tuple[RunFolder, Run]:
    name = Ulids(os.urandom).next(time.wall_ns())
    folder = RunFolder(home.runs / name)
    run = Run(
        id=name,
        state="running",
        config=config.model_dump(mode="json"),
        classes=list(lesson.labels),
        seed=config.training.seed,
        software=Software(vedette=metadata.version("vedette"), torch=str(torch.__version__), python=platform.python_version()),
        device=f"as {config.model.architecture} chose",
        pictures={"train": len(lesson.train), "val": len(lesson.val)},
        created=_now(time),
        started=_now(time),
    )
    folder.make()
    folder.write(run)
    return folder, run


def _now(time: Clock) -> datetime:
    return utc_from_ns(time.wall_ns())


def log_of(folder: Path) -> Path:
    """What the program said."""
    return folder / WORK / "log.txt"
