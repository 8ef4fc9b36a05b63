"""vedette-trainer train: a detector from a data set of one's own, or one of our own models again from nothing."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from trainer.commands import train_detector

SUMMARY = "train a detector on a data set, or one of our own models again from nothing"
DETECTOR = "a detector on a data set: train, resume, validate, export"
RECIPE = "models/person-street again from nothing: fetch, label, learn, measure, bundle"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="recipe", metavar="WHAT", required=True)
    train_detector.add_arguments(what.add_parser("detector", help=DETECTOR, description=f"Trains {DETECTOR}."))
    _recipe_arguments(what.add_parser("person-street", help=RECIPE, description=f"Makes {RECIPE}."))


def _recipe_arguments(parser: argparse.ArgumentParser) -> None:
    work = "what is fetched and half done; a second run goes on from there (default: .cache/model)"
    parser.add_argument("--work", type=Path, default=Path(".cache/model"), help=work)
    parser.add_argument("--out", type=Path, default=None, help="where the bundle is written (default: models/<recipe>)")
    hand = "frames with boxes drawn by hand to measure against"
    parser.add_argument("--hand", type=Path, default=Path("models/person-street/hand.json"), help=hand)
    parser.add_argument("--rounds", type=int, default=None, help="fewer rounds of learning, to try the way")
    parser.add_argument("--threads", type=int, default=2, help="threads of the learning (default: 2)")


def run(args: argparse.Namespace) -> int:
    return train_detector.run(args) if args.recipe == "detector" else _recipe(args)


def _recipe(args: argparse.Namespace) -> int:
    import torch

    from trainer import street
    from trainer.learn import Schedule

    torch.set_num_threads(args.threads)
    began = time.monotonic()

    def report(text: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)

    target = args.out or Path("models") / args.recipe
    bundle, judged = street.make(target, args.work, args.hand, street.short(Schedule(), args.rounds), report)
    for name, figures in judged.figures.items():
        report(f"{name}: " + ", ".join(f"{key} {value}" for key, value in figures.rounded().items()))
    report(f"{bundle.path}: {bundle.digest}, {judged.cpu_ms:.1f} ms of CPU a picture, confidence {judged.confidence}")
    return 0
