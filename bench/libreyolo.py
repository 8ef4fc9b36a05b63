"""LibreYOLO: the default detector and LibreYOLO's smallest on the same drawn pictures with the same CPU seconds.

LibreYOLO (MIT) needs torchvision, so it is no dependency: VEDETTE_LIBREYOLO_PYTHON names the interpreter of an environment that has it.
Without one nothing is measured, and this says so. The contents are drawn here: three kinds of things on a noisy ground.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.report import Figure, report
from contracts.exported import ExportedFile
from dataset.formats.yolo_write import YoloWriter
from dataset.items import Category, Item, Label
from trainer.home import Home
from trainer.ship.document import read_export

SIDE = 256  # squares: LibreYOLO's smallest is exported as one
KINDS = ("ball", "box", "wedge")
VARIABLE = "VEDETTE_LIBREYOLO_PYTHON"
LEGS = ("small", "libreyolo:yolox-n")


@dataclass(frozen=True)
class Trained:
    epochs: int
    cpu_s: float
    wall_s: float
    run: dict[str, Any]
    file: ExportedFile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cpu-s", type=float, default=300.0, help="seconds of CPU that each may use (default 300)")
    parser.add_argument("--pictures", type=int, default=240, help="to train on (default 240), and a quarter of that to judge by")
    given = parser.parse_args()
    python = os.environ.get(VARIABLE, sys.executable)
    if subprocess.run([python, "-c", "import libreyolo"], capture_output=True, check=False).returncode:
        print(f"LibreYOLO is not installed in {Path(python).name} (see {VARIABLE}): nothing was measured.")
        return
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder:
        home = Home(Path(folder))
        draw(home.sets / "drawn", given.pictures, given.pictures // 4)
        done = {leg: measured(home, leg, python, given.cpu_s) for leg in LEGS}
    ours, theirs = (done[leg] for leg in LEGS)
    figures = []
    for name, one in (("ours", ours), ("LibreYOLO", theirs)):
        figures += [
            Figure(f"{name}: AP50", one.file.figures.ap50 or 0.0),
            Figure(f"{name}: AP", one.file.figures.ap or 0.0),
            Figure(f"{name}: CPU of training", one.cpu_s, "s"),
            Figure(f"{name}: CPU a picture", one.file.figures.cpu_ms or 0.0, "ms"),
            Figure(f"{name}: size", one.file.size / 1e6, "MB"),
        ]
    figures.append(Figure("AP50, ours less LibreYOLO's", (ours.file.figures.ap50 or 0) - (theirs.file.figures.ap50 or 0)))
    report(
        "libreyolo", figures, epochs={leg: one.epochs for leg, one in done.items()}, wall_s={leg: one.wall_s for leg, one in done.items()}
    )


def measured(home: Home, leg: str, python: str, budget_s: float) -> Trained:
    """Two short runs tell what an epoch costs; the schedule is then as long as the seconds allow."""
    one, three = (taught(home, leg, python, epochs)[1] for epochs in (1, 3))  # too short to see anything: only what they cost counts
    each = max((three - one) / 2, 0.01)
    epochs = max(1, int((budget_s - (one - each)) / each))
    print(f"{leg}: {each:.1f} s of CPU an epoch, {epochs} epochs", flush=True)
    return trained(home, leg, python, epochs)


def trained(home: Home, leg: str, python: str, epochs: int) -> Trained:
    done, cpu_s, wall_s = taught(home, leg, python, epochs)
    if done.returncode:
        raise SystemExit(f"vedette-trainer train of {leg} failed: {done.stderr[-800:]}")
    run = json.loads(done.stdout.strip().splitlines()[-1])["run"]
    command("export", run["id"], "--home", str(home.path), check=True)
    return Trained(epochs, cpu_s, wall_s, run, read_export(home.runs / run["id"]).files[0])


def taught(home: Home, leg: str, python: str, epochs: int) -> tuple[subprocess.CompletedProcess[str], float, float]:
    """Through the command, as an owner would: what it said, its seconds of CPU with those of its children, and of the clock."""
    options = {"python": python} if ":" in leg else {}
    config = {
        "data": {"set": "drawn"},
        "model": {"architecture": leg, "size": [SIDE, SIDE], "options": options},
        "training": {"epochs": epochs, "threads": 1, "device": "cpu", "validate_every": max(1, epochs // 4)},
    }
    path = home.path / "config.yaml"
    path.write_text(json.dumps(config))  # which is YAML too
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = command("train", "detector", "--config", str(path), "--home", str(home.path), "--json")
    after, wall_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall_s


def command(*words: str, check: bool = False) -> subprocess.CompletedProcess[str]:
    single = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-m", "trainer.main", *words], capture_output=True, text=True, check=False, env=single)
    if check and done.returncode:
        raise SystemExit(f"vedette-trainer {' '.join(words[:2])} failed: {done.stderr[-800:]}")
    return done


def draw(folder: Path, train: int, val: int) -> None:
    """A YOLO set of pictures that are the same every time."""
    writer = YoloWriter(folder, [Category(name, number) for number, name in enumerate(KINDS, 1)])
    pictures = folder.parent / "drawn-pictures"
    pictures.mkdir()
    for number in range(train + val):
        image, labels = scene(number)
        path = pictures / f"{number:05d}.png"
        cv2.imwrite(str(path), image)
        writer.write(Item(path.stem, path.name, SIDE, SIDE, labels, path, "train" if number < train else "val"))
    writer.close()


def scene(seed: int) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], tuple[Label, ...]]:
    random = np.random.default_rng(seed)
    image = random.integers(60, 196, (SIDE, SIDE, 3)).astype(np.uint8)
    image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(random.uniform(0.5, 3))), np.uint8)
    labels: list[Label] = []
    for _ in range(int(random.integers(1, 8))):
        wide, high = (int(value) for value in random.integers(14, 72, 2))
        x, y = int(random.integers(0, SIDE - wide)), int(random.integers(0, SIDE - high))
        if any(x < b[0] + b[2] and b[0] < x + wide and y < b[1] + b[3] and b[1] < y + high for b in (label.box for label in labels)):
            continue
        kind = int(random.integers(len(KINDS)))
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        put(image, kind, (x, y, wide, high), colour)
        labels.append(Label((float(x), float(y), float(wide), float(high)), KINDS[kind], verified=True))
    return image, tuple(labels)


def put(image: np.ndarray[Any, np.dtype[np.uint8]], kind: int, box: tuple[int, int, int, int], colour: tuple[int, ...]) -> None:
    x, y, wide, high = box
    if kind == 0:
        cv2.ellipse(image, (x + wide // 2, y + high // 2), (wide // 2, high // 2), 0, 0, 360, colour, -1)
    elif kind == 1:
        cv2.rectangle(image, (x, y), (x + wide - 1, y + high - 1), colour, -1)
    else:
        cv2.fillPoly(image, [np.array([[x, y + high - 1], [x + wide // 2, y], [x + wide - 1, y + high - 1]], np.int32)], colour)


if __name__ == "__main__":
    main()
