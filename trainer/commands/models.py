"""vedette-trainer models: a bundle of a model that was made elsewhere; its other actions are in registered.py."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.commands import registered

if TYPE_CHECKING:
    from vision.bundle import StoredBundle
    from vision.types import Detections

SUMMARY = "models: which there are, the champion, what ran where; bundles of models made elsewhere"
RECIPES = ("ssd-mobilenet-oid",)
STREET = Path("models/person-street/golden")  # people and cars: what a recipe's bundle promises without --golden


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    registered.add_arguments(actions)
    command = actions.add_parser(
        "import",
        help="make a bundle of an ONNX or TFLite detector, or of a recipe",
        description="Makes a bundle of a detector: ONNX with the outputs of YOLO v5, v8, v9 or 11, of an end-to-end network or of an SSD. "
        "TFLite is converted first, in an environment that is thrown away. What cannot be seen in the file is assumed and said.",
    )
    command.add_argument("model", type=Path, nargs="?", help="an .onnx or .tflite file")
    command.add_argument("--recipe", choices=RECIPES, help="fetch and convert a model we know instead: 23 everyday classes, Apache-2.0")
    command.add_argument("--name", help="the bundle's name (default: the file's or the recipe's)")
    command.add_argument("--version", default="1.0.0", help="three numbers; a name and a version are one model for ever (default 1.0.0)")
    command.add_argument("--out", type=Path, help="where the bundle is written (default: models/NAME; NAME.vdb makes one file)")
    command.add_argument("--labels", type=Path, metavar="FILE", help="the classes in order, one name a line")
    command.add_argument("--size", metavar="WIDTHxHEIGHT", help="input size, where the model leaves it open (default: 640x640)")
    command.add_argument("--color", choices=("rgb", "bgr"), default="rgb", help="order of colours the model wants (default: rgb)")
    command.add_argument("--fit", choices=("letterbox", "stretch"), default="letterbox", help="how pictures are fitted (letterbox)")
    command.add_argument("--mean", type=float, nargs=3, metavar="M", help="subtracted from each colour 0..255 (default: 0 0 0)")
    command.add_argument("--std", type=float, nargs=3, metavar="S", help="what each colour is divided by then (default: 255 255 255)")
    command.add_argument("--license", default="", help="the model's licence, for its card")
    command.add_argument("--source", default="", help="where the model comes from, for its card")
    command.add_argument("--check", type=Path, metavar="IMAGE", help="say what it sees on this picture and draw it beside the bundle")
    golden = "pictures whose answers are promised; to be pushed it needs some"
    command.add_argument("--golden", type=Path, nargs="+", default=[], metavar="IMAGE", help=golden)
    command.add_argument("--work", type=Path, default=Path(".cache/model"), help="where packages and conversions are kept")
    command.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    if args.action in registered.ACTIONS:
        return registered.run(args)
    return _import(args)


def _import(args: argparse.Namespace) -> int:
    import sys

    from contracts.errors import ConfigError
    from contracts.shown import shown
    from contracts.update import VERSION
    from trainer.importer import look

    if (args.model is None) == (args.recipe is None):
        raise ConfigError("models import: give a model file or --recipe, one of them")
    if not re.fullmatch(VERSION, args.version):
        raise ConfigError(f"--version {args.version[:40]!r}: is none; give three numbers, such as 1.2.0")
    stored, notes = _made(args, lambda text: print(shown(text), file=sys.stderr, flush=True))
    result: dict[str, Any] = {
        "bundle": str(stored.path),
        "digest": stored.digest,
        "head": stored.manifest.head.model_dump(),
        "input": stored.manifest.input.model_dump(),
        "labels": stored.manifest.labels,
        "notes": list(notes),
    }
    if args.check is not None:
        picture = stored.path.with_name(f"{stored.manifest.name}-{args.check.stem}.jpg")
        found, labels = look(stored, args.check, picture)
        result |= {"picture": str(picture), "seen": _seen(found, labels)}
    print(json.dumps(result, indent=1) if args.json else shown(_told(result)))
    return 0


def _seen(found: Detections, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    rows = zip(found.xyxy.tolist(), found.confidence.tolist(), found.class_id.tolist(), strict=True)
    return [{"label": labels[kind], "confidence": round(sure, 3), "box": [round(v, 1) for v in box]} for box, sure, kind in rows]


def _made(args: argparse.Namespace, report: Callable[[str], None]) -> tuple[StoredBundle, tuple[str, ...]]:
    from trainer import ssd_oid
    from trainer.importer import Origin, import_model, read_labels, read_pictures
    from trainer.proposal import Wishes
    from trainer.sizes import parse_size

    pictures = read_pictures(args.golden or (sorted(STREET.glob("*.jpg")) if args.recipe else ()))
    if args.recipe:
        args.work.mkdir(parents=True, exist_ok=True)
        target = args.out or Path("models") / (args.name or args.recipe)
        return ssd_oid.make(target, args.work, pictures, report, args.name or args.recipe, args.version), ()
    name = args.name or _plain(args.model.stem)
    wishes = Wishes(
        labels=read_labels(args.labels) if args.labels else None,
        size=parse_size(args.size) if args.size else None,
        color=args.color,
        fit=args.fit,
        mean=tuple(args.mean) if args.mean else None,
        std=tuple(args.std) if args.std else None,
    )
    origin = Origin(args.license, args.source)
    made = import_model(args.model, args.out or Path("models") / name, name, wishes, origin, pictures, report, args.version)
    return made.bundle, made.proposal.notes


def _plain(stem: str) -> str:
    """A file's name as a bundle's: small letters, digits and hyphens."""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in stem.lower()).strip("-")
    return kept if len(kept) > 1 else f"model-{kept or 'imported'}"


def _told(result: dict[str, Any]) -> str:
    spec, labels = result["input"], result["labels"]
    names = ", ".join(labels[:12]) + (f" and {len(labels) - 12} more" if len(labels) > 12 else "")
    lines = [
        f"{result['bundle']}  {result['digest']}",
        f"  head   {result['head']['kind']} {result['head']['options'] or ''}".rstrip(),
        f"  input  {spec['name']}: {spec['size'][1]}x{spec['size'][0]} {spec['layout']} {spec['dtype']} {spec['color']}, {spec['fit']}",
        f"  labels {len(labels)}: {names}",
        *(f"  note   {note}" for note in result["notes"]),
        *(f"  seen   {s['label']} {s['confidence']:.2f} at {s['box']}" for s in result.get("seen", [])),
    ]
    if "picture" in result:
        lines.append(f"  drawn  {result['picture']}" if result["seen"] else f"  drawn  {result['picture']} (nothing was seen)")
    return "\n".join(lines)
