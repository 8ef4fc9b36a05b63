#!/usr/bin/env python3
"""Write requirements/*.txt, the locked versions, from pyproject.toml; `--upgrade` takes the newest that the ranges allow."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"

# torch names the GPU libraries it wants with exact versions, so pip brings them where a CUDA build is chosen; the lock leaves
# them out, so that a CPU build is installed without them.
GPU_LIBRARIES = (
    "cuda-bindings", "cuda-toolkit", "nvidia-cudnn-cu13", "nvidia-cusparselt-cu13", "nvidia-nccl-cu13", "nvidia-nvshmem-cu13", "triton",
)  # fmt: skip
TORCH = "torch==2.13.0\n"  # what the models that ship with the repository were trained with
WORDS = {
    "build": "what builds the distribution",
    "install": "what puts a release's wheels into its environment on a box",
    "box": "what the appliance runs on",
    "dev": "what the tests and checks need, and the box.txt it rests on",
    "fuzz": "the fuzzer that follows branches, in a folder of its own (Apache-2.0)",
    "oracles": "other tools that the long tests hold our data set formats against, in an environment of their own",
    "trainer": "what the trainer needs, and the box.txt it rests on; without hashes, so that a CPU build of torch may be taken",
}


def compile_lock(name: str, sources: list[str], options: list[str]) -> None:
    """One lock. What is in it already is kept where the ranges still allow it."""
    target = LOCKS / f"{name}.txt"
    header = f"# Locked: {WORDS[name]}. Python 3.10 to 3.12, Linux, x86_64 and aarch64.\n# Written by scripts/lock.py; do not edit.\n"
    command = [
        sys.executable, "-m", "uv", "pip", "compile", *sources, *options, "--universal", "--python-version", "3.10",
        "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet", "--output-file", str(target),
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    target.write_text(header + target.read_text())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take newer versions of everything")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    if subprocess.run([sys.executable, "-m", "uv", "--version"], capture_output=True, check=False).returncode:
        print("uv is missing: install it first (pip install uv)", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        excludes, torch, build, install, oracles, fuzz = (
            Path(folder) / name for name in ("excludes.txt", "torch.txt", "build.in", "install.in", "oracles.in", "fuzz.in")
        )
        torch.write_text(TORCH)
        excludes.write_text("\n".join(GPU_LIBRARIES))
        build.write_text("hatchling\neditables\n")
        install.write_text("pip\n")
        oracles.write_text("datumaro\nsupervision\ntfrecord\n")
        fuzz.write_text("atheris<3.1\n")  # wheels of 3.1 are for newer Pythons
        hashed = [*upgrade, "--generate-hashes"]
        compile_lock("build", [str(build)], hashed)
        compile_lock("install", [str(install)], hashed)
        compile_lock("box", ["pyproject.toml"], hashed)
        same = ["-c", str(LOCKS / "box.txt")]
        compile_lock("dev", ["pyproject.toml"], [*hashed, *same, "--extra", "dev"])
        compile_lock("oracles", [str(oracles)], hashed)
        compile_lock("fuzz", [str(fuzz)], hashed)
        no_gpu = ["-c", str(torch), "--excludes", str(excludes)]
        compile_lock("trainer", ["pyproject.toml"], [*upgrade, *same, *no_gpu, "--extra", "trainer"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
