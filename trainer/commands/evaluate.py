"""vedette-trainer evaluate: measures a bundle against frames with boxes drawn by hand."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

SUMMARY = "measure a bundle's persons against frames with boxes drawn by hand"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, help="the bundle's folder or .vdb file")
    footage = "the recording the frames belong to (make test leaves vtest.avi in .cache/footage)"
    parser.add_argument("--footage", type=Path, required=True, help=footage)
    parser.add_argument("--hand", type=Path, default=Path("models/person-street/hand.json"), help="frames with boxes drawn by hand")
    parser.add_argument("--label", default="person", help="the class that was drawn (default: person)")
    parser.add_argument("--size", default=None, metavar="WIDTHxHEIGHT", help="another input size, where the bundle allows it")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    from contracts.errors import ConfigError
    from trainer.drawn import read_drawn
    from trainer.footage import frames, sha256
    from trainer.measure import FLOOR, answers, cpu_ms, figures
    from trainer.sizes import parse_size
    from vision.bundle import read_bundle
    from vision.detector import open_detector

    drawn, stored = read_drawn(args.hand), read_bundle(args.bundle)
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
