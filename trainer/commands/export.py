"""vedette-trainer export: a run's network as the files that boxes and phones take, each held against the network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contracts.exported import Exported

SUMMARY = "make ONNX, INT8, FP16 and TFLite files of a run, each checked by its accuracy"
REFUSED = 3  # a form was asked for and lost too much; as a gate that fails
STEP = 0.05  # of the whole, between two words about how far it is


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("which", metavar="RUN", help="id of a run in the home, or the path of its folder")
    parser.add_argument("--kinds", default="onnx", metavar="KINDS", help="of onnx,int8,fp16,tflite (default: onnx, which is always made)")
    parser.add_argument("--home", type=Path, default=None, help="the trainer's folder (default: VEDETTE_TRAINER_HOME, or here)")
    parser.add_argument("--int8-loss", type=float, default=0.01, metavar="AP", help="AP that INT8 may lose (default: 0.01)")
    parser.add_argument("--calibration", type=int, default=128, metavar="N", help="training pictures for INT8's ranges (default: 128)")
    exporters = ("auto", "torchscript", "dynamo")
    parser.add_argument("--exporter", choices=exporters, default="auto", help="of PyTorch (default: the first that gives an equal graph)")
    parser.add_argument("--threads", type=int, default=1, help="of the network while it is measured (default: 1)")
    parser.add_argument("--json", action="store_true", help="print export.json")


def run(args: argparse.Namespace) -> int:
    from pydantic import ValidationError

    from contracts.envelope import first_fault
    from contracts.errors import ConfigError
    from trainer.home import Home, home_path
    from trainer.ship.exporting import export_detector
    from trainer.ship.options import ShipOptions
    from trainer.train.run_folder import open_run

    try:
        options = ShipOptions(int8_ap_loss=args.int8_loss, calibration=args.calibration, threads=args.threads, exporter=args.exporter)
    except ValidationError as error:
        raise ConfigError(f"export: {first_fault(error)}; correct the argument") from error
    home = Home(home_path(args.home))
    kinds = [kind.strip() for kind in args.kinds.split(",") if kind.strip()]
    document = export_detector(open_run(home, args.which).path, kinds, home, Words(), options)
    print(document.model_dump_json(indent=1) if args.json else told(document))
    return REFUSED if any(file.state == "refused" for file in document.files) else 0


class Words:
    """How far it is, on stderr: each new kind of work, and every twentieth part."""

    def __init__(self) -> None:
        self._done, self._work = -1.0, ""

    def progress(self, done: float, said: str) -> None:
        work = said.partition(":")[0]
        if work != self._work or done >= self._done + STEP:
            self._done, self._work = done, work
            sys.stderr.write(f"{done:4.0%}  {said}\n")
            sys.stderr.flush()

    def stopped(self) -> bool:
        return False  # Ctrl-C ends it


def told(document: Exported) -> str:
    """A table for people; what was refused and what must be known stand below it."""
    from contracts.shown import shown
    from trainer.judge.told import table

    rows: list[tuple[str, ...]] = []
    for file in document.files:
        loss = "-" if file.ap_loss is None else f"{file.ap_loss:+.4f}"
        size = f"{file.size / 1e6:.2f} MB" if file.size else "-"
        rows.append((file.kind, file.state, size, _figure(file.figures.ap), loss, _figure(file.figures.cpu_ms, 1), file.path or "-"))
    lines = [*table(("", "", "size", "AP", "lost", "CPU ms", "file"), rows), "", f"counted on {document.pictures} pictures for validation"]
    lines += [f"refused: {file.why}" for file in document.files if file.state == "refused"]
    lines += [f"note: {note}" for note in document.notes]
    return shown("\n".join(lines))


def _figure(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
