#!/usr/bin/env python3
"""Render the recording of a game that does not exist, as long as wanted, with what is true of it; for trying the gameplay profile."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.scenarios.game.film import CACHE, film  # noqa: E402  # the path first, so that this runs without an installation
from tests.scenarios.game.templates import FOLDER, write_templates  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=1, help="another seed, another story")
    parser.add_argument("--width", type=int, default=1280, help="of the picture, pixels; 16:9")
    parser.add_argument("--fps", type=float, default=24, help="the usual rate; there are spells of 60 and 20, and stalls")
    parser.add_argument("--folder", type=Path, default=CACHE)
    parser.add_argument("--templates", action="store_true", help=f"write the template pictures of the profile ({FOLDER.name}) instead")
    args = parser.parse_args()
    if args.templates:
        print("\n".join(str(path) for path in write_templates(FOLDER)))
        return 0
    path, truth = film(args.seconds, args.seed, args.width, args.fps, args.folder, progress)
    print(f"\r{path}: {truth.pictures} pictures, {len(truth.facts)} events in {path.with_suffix('.json').name}")
    return 0


def progress(share: float) -> None:
    if sys.stdout.isatty():
        print(f"\rrendering: {100 * share:3.0f} %", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
