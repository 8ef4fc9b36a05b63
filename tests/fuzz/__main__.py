"""Fuzz one target for so many seconds with atheris, led by the branches it finds: `python -m tests.fuzz TARGET [SECONDS]`."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["device.update", "contracts", "vision.bundle", "vision.bundle_zip", "tuf", "securesystemslib"]):
    from tests.fuzz.seeds import dictionary, seeds
    from tests.fuzz.targets import TARGETS

LONGEST = 1 << 16
ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    name, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 600
    home = ROOT / ".cache" / "fuzz" / name
    corpus, found, words = home / "corpus", home / "found", home / "words.txt"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    words.write_text(dictionary())
    for number, seed in enumerate(seeds()[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-dict={words}", f"-artifact_prefix={found}/"]
    limits = ["-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0"]
    atheris.Setup([sys.argv[0], str(corpus), *options, *limits], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
