"""vedette-trainer evaluate: how good a model is, on a data set or on frames with boxes drawn by hand."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contracts.evaluation import SavedAnswers
    from trainer.judge.asked import Asked

SUMMARY = "measure a model on a data set, choose its operating points, or measure it against frames with boxes drawn by hand"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="BUNDLE", help="the bundle's folder or .vdb file; with --data also a file of answers")
    parser.add_argument("--json", action="store_true", help="print JSON")
    data = parser.add_argument_group("on a data set")
    data.add_argument("--data", type=Path, metavar="SET", help="a data set in any format that `dataset` reads")
    data.add_argument("--format", default=None, help="what it is (default: what it looks like)")
    data.add_argument("--split", default="", help="only this part of it: train, val or test (default: all)")
    data.add_argument("--sides", type=Path, metavar="FILE", help="what `dataset split` wrote: says what is val, in place of the set")
    data.add_argument("--choose", metavar="HOW", help="choose operating points here: f1, f2 or precision=0.95; on val, never on test")
    data.add_argument("--points", type=Path, metavar="ANSWERS", help="take the points chosen before, out of a file of --save")
    data.add_argument(
        "--utc-offset", type=float, default=0.0, metavar="HOURS", help="of the boxes' clocks, for parts of the day (default: 0)"
    )
    data.add_argument("--save", type=Path, metavar="FILE", help="all answers with the points, for `gate`")
    data.add_argument("--out", type=Path, metavar="FILE", help="the evaluation as JSON")
    data.add_argument("--threads", type=int, default=1, help="of the network (default: 1)")
    drawn = parser.add_argument_group("against drawn frames")
    drawn.add_argument("--footage", type=Path, help="the recording the frames belong to (make test leaves vtest.avi in .cache/footage)")
    drawn.add_argument("--hand", type=Path, default=Path("models/person-street/hand.json"), help="frames with boxes drawn by hand")
    drawn.add_argument("--label", default="person", help="the class that was drawn (default: person)")
    drawn.add_argument("--size", default=None, metavar="WIDTHxHEIGHT", help="another input size, where the bundle allows it")


def run(args: argparse.Namespace) -> int:
    from contracts.errors import ConfigError

    if (args.data is None) == (args.footage is None):
        raise ConfigError("evaluate: give --data SET or --footage FILE, one of them")
    return _on_data(args) if args.data is not None else _on_drawn(args)


def _on_data(args: argparse.Namespace) -> int:
    from contracts.files import write_durably
    from contracts.shown import shown
    from trainer.judge.answers_file import contestant, save_answers
    from trainer.judge.asked import Asked
    from trainer.judge.hotcoco_evaluator import evaluator
    from trainer.judge.loading import judged_root
    from trainer.judge.report import evaluate
    from trainer.judge.told import told

    asked = Asked(args.data, args.format, args.split, args.utc_offset, args.threads, args.sides)
    saved = asked.answers(args.model)
    root = judged_root(asked.ground)
    saved = _with_points(args, saved, asked, root)
    result = evaluate(asked.ground, contestant(saved, asked.ground), evaluator(), args.split)
    if args.save is not None:
        save_answers(args.save, saved)
    if args.out is not None:
        write_durably(args.out, result.model_dump_json(indent=1).encode() + b"\n")
    if args.json:
        print(result.model_dump_json(indent=1))
        return 0
    for line in told(result):
        print(shown(line))
    return 0


def _with_points(args: argparse.Namespace, saved: SavedAnswers, asked: Asked, root: str) -> SavedAnswers:
    """Chosen here, taken from before, or as they came. A point chosen on the pictures that are judged would flatter."""
    from contracts.errors import ConfigError
    from trainer.judge.answers_file import contestant
    from trainer.judge.asked import read_saved
    from trainer.judge.points import choose, parse_choice

    if args.choose is not None and args.points is not None:
        raise ConfigError("evaluate: --choose and --points are two ways to the same; give one")
    if args.choose is not None:
        if args.split == "test":
            raise ConfigError("evaluate --choose: operating points are chosen on val and frozen, never on test; give --split val")
        chosen = choose(asked.ground, contestant(saved, asked.ground).answers, parse_choice(args.choose))
        points = {name: point.confidence for name, point in chosen.items()}
        return saved.model_copy(update={"points": points, "points_root": root})
    if args.points is not None:
        before = read_saved(args.points)
        if before.model != saved.model:
            raise ConfigError(f"--points {args.points}: are of {before.model}, not of {saved.model}; each model has its own")
        saved = saved.model_copy(update={"points": before.points, "points_root": before.points_root})
    if saved.points_root == root:
        raise ConfigError("evaluate: the operating points were chosen on these very pictures and would flatter; judge on others")
    return saved


def _on_drawn(args: argparse.Namespace) -> int:
    from contracts.errors import ConfigError
    from trainer.drawn import read_drawn
    from trainer.footage import frames, sha256
    from trainer.measure import FLOOR, answers, cpu_ms, figures
    from trainer.sizes import parse_size
    from vision.bundle import read_bundle
    from vision.detector import open_detector

    drawn, stored = read_drawn(args.hand), read_bundle(args.model)
    if not args.footage.is_file() or sha256(args.footage) != drawn.footage_sha256:
        raise ConfigError(f"footage {args.footage}: not the recording that {args.hand} was drawn on; give that one")
    size = parse_size(args.size) if args.size else None
    detector = open_detector(stored, min_confidence=FLOOR, wanted=[args.label], size=size)
    images = frames(args.footage, drawn.truths)
    confidence = stored.manifest.class_confidence.get(args.label, stored.manifest.min_confidence)
    found = figures(drawn.truths, answers(detector, images), confidence)
    first = images[min(images)]
    result = {**found.rounded(), "confidence": confidence, "cpu_ms_1_thread": round(cpu_ms(detector, first), 1)}
    detector.close()
    if args.json:
        print(json.dumps({"bundle": stored.digest, **result}, indent=1))
        return 0
    print(f"{stored.manifest.name} {stored.manifest.version} ({stored.digest})")
    for name, value in result.items():
        print(f"  {name:16} {value}")
    return 0
