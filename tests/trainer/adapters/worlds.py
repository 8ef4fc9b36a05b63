"""A home with a data set in three parts, and configurations of a program outside."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.trainer.ship import lessons
from trainer.home import Home
from trainer.train.config import TrainConfig
from trainer.train.config_file import config_of

PROGRAM = Path(__file__).parent / "outside_program.py"
INPUT = {"name": "picture", "dtype": "uint8", "layout": "nhwc", "color": "rgb", "size": [64, 128]}
OPTIONS: dict[str, Any] = {"head": {"kind": "yolo"}, "input": INPUT, "licence": "AGPL-3.0", "source": "colours 1.0"}


def home(path: Path) -> Home:
    made = Home(path)
    pictures = path / "pictures"
    pictures.mkdir()
    items = [lessons.item(pictures, first + n, split) for split, first, count in PARTS for n in range(count)]
    lessons.yolo_set(made.sets / "drawn", items)
    return made


PARTS = (("train", 0, 10), ("val", 100, 6), ("test", 200, 4))


def config(mode: str = "good", *more: str, architecture: str = "outside:colours", **options: Any) -> TrainConfig:
    command = [sys.executable, str(PROGRAM), mode, "{data}", "{out}", "{epochs}", *more]
    model = {"architecture": architecture, "size": [64, 128], "command": command, "options": {**OPTIONS, **options}}
    return config_of({"data": {"set": "drawn"}, "model": model, "training": {"epochs": 12}})
