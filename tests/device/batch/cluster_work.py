"""What the workers of the cluster's tests do in the place of looking at video, and the units they do it with."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np

from contracts.errors import HardwareError
from device.batch.units import ROW, Unit
from device.batch.work import look

MB = 1 << 20


def unit(file: Path, number: int) -> Unit:
    rows = np.zeros(3, ROW)
    rows["pts_ns"] = np.arange(3) + number * 1000
    rows["key"][0] = True
    return Unit(
        file=str(file), number=number, camera="yard", digest="d" * 64, start_wall_ns=0, shift_ns=0, detection_fps=10.0, first_row=0,
        begin=0, end=2, rows=rows,
    )  # fmt: skip


def echo(recipe: str, unit_json: str) -> bytes:
    """The same for the same unit, wherever it is done."""
    return f"{recipe}|{unit_json}".encode()


def dies_once(recipe: str, unit_json: str) -> bytes:
    """The process that has unit 3 is killed, the first time; `recipe` is the folder that remembers it."""
    flag = Path(recipe) / "died"
    if json.loads(unit_json)["number"] == 3 and not flag.exists():
        flag.write_text("yes")
        os.kill(os.getpid(), signal.SIGKILL)
    return echo(recipe, unit_json)


def fails(recipe: str, unit_json: str) -> bytes:
    """Unit 1 cannot be read, unit 2 meets a bug."""
    number = json.loads(unit_json)["number"]
    if number == 1:
        raise HardwareError("a hole where the picture was")
    if number == 2:
        raise ZeroDivisionError("a bug")
    return echo(recipe, unit_json)


def looks_after_a_death(recipe: str, unit_json: str) -> bytes:
    """The real work, in the middle of which one process is killed; a file beside the film remembers that."""
    plain = json.loads(unit_json)
    flag = Path(plain["file"]).with_suffix(".died")
    if plain["number"] == 2 and not flag.exists():
        flag.write_text("yes")
        os.kill(os.getpid(), signal.SIGKILL)
    return look(recipe, unit_json)
