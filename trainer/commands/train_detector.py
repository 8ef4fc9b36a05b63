"""vedette-trainer train detector: trains a detector on a data set of one's own, goes on with a run, validates it, exports it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from contracts.run import EpochLine, Run
    from trainer.home import Home
    from trainer.train.config import TrainConfig

STOPPED = 130  # as shells say for Ctrl-C
KINDS = ("onnx", "int8", "fp16", "tflite")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="what to train, on what, how long: YAML (docs/guide/training.md)")
    home = "the trainer's folder (or set VEDETTE_TRAINER_HOME; default: vedette-trainer-home here)"
    parser.add_argument("--home", type=Path, default=None, metavar="FOLDER", help=home)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--resume", metavar="RUN", help="go on with a run that was stopped, failed or killed, by its id")
    what.add_argument("--validate", metavar="RUN|BUNDLE", help="judge on the val part again; a bundle needs --config")
    what.add_argument("--export", metavar="RUN", help="make the files that boxes run of its best weights")
    parser.add_argument("--kinds", default="onnx", metavar="LIST", help=f"with --export: which, of {','.join(KINDS)} (default: onnx)")
    parser.add_argument("--json", action="store_true", help="lines of JSON on stdout")


def run(args: argparse.Namespace) -> int:
    from contracts.errors import ConfigError
    from trainer.home import Home, home_path
    from trainer.train.config_file import read_config

    if not (args.config or args.resume or args.validate or args.export):
        raise ConfigError("train detector: give --config FILE, or --resume, --validate or --export with a run")
    config = read_config(args.config) if args.config else None
    home = Home(home_path(args.home))
    if args.validate:
        return _validate(args, config, home)
    return _export(args, home) if args.export else _train(args, config, home)


def _train(args: argparse.Namespace, config: TrainConfig | None, home: Home) -> int:
    from contracts.shown import shown
    from trainer.train.detector import train_detector

    with _shown(args.json) as told:
        done = train_detector(config, home, told, args.resume, on_epoch=told.epoch)
    if int(os.environ.get("RANK", "0")) > 0:
        return 0  # the first process says it
    if args.json:
        _say({"run": done.model_dump(mode="json")})
    else:
        for line in _ended(done, home):
            print(shown(line))
    return STOPPED if done.state == "stopped" else 0


def _ended(done: Run, home: Home) -> Iterator[str]:
    yield f"run {done.id}: {done.state}{f', {done.why}' if done.why else ''}"
    if done.best is not None and done.best.ap50 is not None:
        yield f"  best epoch {done.best.epoch}: AP50 {done.best.ap50:.3f}, AP {done.best.ap or 0:.3f} on val"
    for name, target in done.targets.items():
        got = "unknown" if target.got is None else f"{target.got:.3f}"
        yield f"  target {name} {target.asked:g}: {got}, {'reached' if target.met else 'MISSED'}"
    yield from (f"  {note}" for note in [*done.notes, *done.skipped])
    yield f"  {home.runs / done.id / 'report.html'}" if done.state == "done" else f"  {home.runs / done.id}"


def _validate(args: argparse.Namespace, config: TrainConfig | None, home: Home) -> int:
    from contracts.shown import shown
    from trainer.judge.told import told as table
    from trainer.train.validating import validate

    with _shown(args.json) as told:
        result = validate(args.validate, config, home, told)
    if args.json:
        _say({"evaluation": result.model_dump(mode="json")})
        return 0
    for line in table(result):
        print(shown(line))
    return 0


def _export(args: argparse.Namespace, home: Home) -> int:
    """As `vedette-trainer export RUN`, with its defaults."""
    from trainer.commands.export import REFUSED
    from trainer.commands.export import told as table
    from trainer.ship.exporting import export_detector
    from trainer.train.run_folder import open_run

    folder = open_run(home, args.export)
    with _shown(args.json) as told:
        made = export_detector(folder.path, [kind for kind in args.kinds.split(",") if kind], home, told)
    if args.json:
        _say({"exported": made.model_dump(mode="json")})
    else:
        print(table(made))
    return REFUSED if any(file.state == "refused" for file in made.files) else 0


class _Lines:
    """Told as lines: of every epoch one, or JSON of everything."""

    def __init__(self, as_json: bool) -> None:
        self._json, self._stop = as_json, False

    def progress(self, done: float, said: str) -> None:
        if self._json:
            _say({"done": round(done, 4), "said": said})

    def epoch(self, line: EpochLine) -> None:
        from trainer.train.course import words

        if self._json:
            _say({"epoch": line.model_dump(mode="json")})
            return
        figures = "" if line.ap50 is None else f"  AP50 {line.ap50:.3f}  AP {line.ap or 0:.3f}"
        total = line.loss.get("total") or 0
        print(f"epoch {line.epoch} of {line.epochs}  loss {total:.3f}{figures}  {words(line.left_s)} left", flush=True)

    def stopped(self) -> bool:
        return self._stop

    def stop(self, number: int, _: FrameType | None) -> None:
        """The step that is under way is finished and kept; a second Ctrl-C ends at once."""
        self._stop = True
        signal.signal(number, signal.default_int_handler)


class _Bar(_Lines):
    """On a terminal: the same lines above a bar."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        super().__init__(as_json=False)
        columns = TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn()
        self.bar = Progress(*columns, transient=True)
        self._task = self.bar.add_task("", total=1.0)

    def progress(self, done: float, said: str) -> None:
        self.bar.update(self._task, completed=done, description=said)


@contextmanager
def _shown(as_json: bool) -> Iterator[_Lines]:
    """Ctrl-C and TERM ask to stop while this lasts."""
    quiet = as_json or not sys.stdout.isatty()
    told = _Lines(as_json) if quiet else _Bar()
    before = {number: signal.signal(number, told.stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        if isinstance(told, _Bar):
            with told.bar:
                yield told
        else:
            yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(document: dict[str, object]) -> None:
    print(json.dumps(document), flush=True)
