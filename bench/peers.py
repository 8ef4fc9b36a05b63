"""Peers: the same video and a network of the same shape through other people's pipelines, each in a process, in turn with ours.

The plain script always runs. Ultralytics is installed into .cache/bench/ultralytics, an environment of its own (AGPL-3.0: it is no
dependency of ours and never shares a process with our code); where it cannot be installed, this says so and goes on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from bench import bundles, footage
from bench.config import loaded
from bench.legs import CLOCK, Leg, arguments, measure, plain
from bench.report import Figure, report
from device.measuring import Rounds, Speed, read_packets, whole_way

PLACE = footage.KEPT / "ultralytics"
PYTHON = PLACE / "bin" / "python"
PACKAGES = ("ultralytics", "onnx", "onnxruntime", "onnxslim")
GOALS = {640: ">= 1.3", 320: ">= 1.4"}


def main() -> None:
    given = arguments(str(__doc__), rounds=3, seconds=8)
    why_not = install()
    if why_not:
        print(f"Ultralytics cannot be measured here: {why_not}")
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder:
        legs: dict[str, Leg] = {}
        for side in GOALS:
            legs |= side_legs(Path(folder), side, with_ultralytics=not why_not)
        speeds = measure(legs, given.rounds, given.seconds)
    figures = []
    for side, goal in GOALS.items():
        ours = speeds[f"vedette {side}"].fps
        figures.append(Figure(f"{side}: against the plain script", ours / speeds[f"plain script {side}"].fps))
        if not why_not:
            figures.append(Figure(f"{side}: against Ultralytics", ours / speeds[f"ultralytics {side}"].fps, "", goal))
    report("peers", figures, without=why_not, legs=plain(speeds), real_footage=footage.real())


def side_legs(folder: Path, side: int, *, with_ultralytics: bool) -> dict[str, Leg]:
    bundle = bundles.square(folder, side)
    config, packets = loaded(folder / f"run-{side}", bundle), read_packets(footage.street(), CLOCK)
    model, video = str(bundle / "model.onnx"), str(footage.street())
    script = str(Path(__file__).parent / "apart" / "ultralytics_script.py")
    legs: dict[str, Leg] = {
        f"vedette {side}": lambda s: whole_way(config, Rounds(packets), s, CLOCK).speed,
        f"plain script {side}": lambda s: run([sys.executable, "-m", "bench.plain", model, video, str(side), str(s)]),
    }
    if with_ultralytics:
        legs[f"ultralytics {side}"] = lambda s: run([str(PYTHON), script, video, str(side), str(s)], cwd=PLACE)
    return legs


def run(command: list[str], cwd: Path = footage.ROOT) -> Speed:
    """What the script says of itself, in its last line."""
    quiet = {**os.environ, "YOLO_VERBOSE": "false", "YOLO_CONFIG_DIR": str(footage.KEPT)}
    done = subprocess.run(command, cwd=cwd, env=quiet, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:3])} failed: {done.stderr[-800:]}")
    said = json.loads(done.stdout.strip().splitlines()[-1])
    return Speed(said["frames"], said["seconds"], said["cpu_s"])


def install() -> str:
    """Why Ultralytics is not there; nothing when it is."""
    if PYTHON.exists() and not subprocess.run([str(PYTHON), "-c", "import ultralytics"], capture_output=True, check=False).returncode:
        return ""
    print("installing Ultralytics into an environment of its own, once (1 GB or more)", flush=True)
    venv.create(PLACE, with_pip=True, clear=True)
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stderr.strip().splitlines() or ["pip failed"])[-1] if done.returncode else ""


if __name__ == "__main__":
    main()
