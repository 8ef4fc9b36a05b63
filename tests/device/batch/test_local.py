"""LocalRunner: real processes that die, fail and are interrupted; every unit is answered for once."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import HardwareError, StorageError
from device.batch.local import LocalRunner
from device.batch.runner import Failure
from device.batch.units import ROW, Unit


def unit(number: int, file: str = "f") -> Unit:
    return Unit(file, number, "yard", "ab" * 32, 0, 0, 10.0, 0, 0, 1, np.zeros(1, ROW))


def work(recipe: str, text: str) -> bytes:
    """What the recipe says: a folder in which each call leaves a line, and which unit does what."""
    folder, _, deeds = recipe.partition("|")
    number = Unit.from_json(text).number
    with (Path(folder) / "calls").open("ab", 0) as calls:
        calls.write(f"{number} {os.getpid()}\n".encode())
    deed = dict(each.split("=") for each in deeds.split(",") if each).get(str(number), "")
    if deed == "dies" or (deed == "dies-once" and not (Path(folder) / "died").exists()):
        (Path(folder) / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if deed == "refuses":
        raise HardwareError("the file is gone; bring it back")
    if deed == "bug":
        raise ZeroDivisionError("per nothing")
    if deed == "hangs":
        threading.Event().wait()
    return f"{number}".encode()


def calls(folder: Path) -> list[int]:
    return [int(line.split()[0]) for line in (folder / "calls").read_text().splitlines()]


def test_units_are_shared_among_processes_and_each_is_answered_once(tmp_path: Path) -> None:
    found = {each.number: result for each, result in LocalRunner(f"{tmp_path}|", 2, work).run(unit(n) for n in range(9))}
    assert found == {n: f"{n}".encode() for n in range(9)}
    assert sorted(calls(tmp_path)) == list(range(9))


def test_a_process_that_dies_is_replaced_and_its_unit_tried_once_more(tmp_path: Path) -> None:
    runner = LocalRunner(f"{tmp_path}|1=dies-once", 1, work)
    assert {each.number: result for each, result in runner.run(unit(n) for n in range(3))} == {0: b"0", 1: b"1", 2: b"2"}
    assert Counter(calls(tmp_path)) == {0: 1, 1: 2, 2: 1}


def test_what_kills_every_process_is_given_up_and_others_go_on(tmp_path: Path) -> None:
    runner = LocalRunner(f"{tmp_path}|1=dies,2=refuses,3=bug", 1, work)
    found = {each.number: result for each, result in runner.run(unit(n) for n in range(5))}
    assert found[0] == b"0" and found[4] == b"4"
    died, refused, bug = (found[n] for n in (1, 2, 3))
    assert isinstance(died, Failure) and "died 2 times" in died.reason
    assert refused == Failure("the file is gone; bring it back") and bug == Failure("ZeroDivisionError: per nothing")
    assert Counter(calls(tmp_path)) == {0: 1, 1: 2, 2: 1, 3: 1, 4: 1}


def test_units_are_drawn_only_a_few_ahead(tmp_path: Path) -> None:
    drawn = []

    def units() -> Iterator[Unit]:
        for n in range(100):
            drawn.append(n)
            yield unit(n)

    results = LocalRunner(f"{tmp_path}|", 1, work).run(units())
    next(results)
    assert len(drawn) < 20
    results.close()  # type: ignore[attr-defined]


def test_what_making_the_units_raises_is_raised_here(tmp_path: Path) -> None:
    def units() -> Iterator[Unit]:
        yield unit(0)
        raise StorageError("the disk is full; free some room")

    with pytest.raises(StorageError, match="the disk is full"):
        list(LocalRunner(f"{tmp_path}|", 1, work).run(units()))


def test_closed_in_the_middle_it_leaves_no_process(tmp_path: Path) -> None:
    runner = LocalRunner(f"{tmp_path}|1=hangs", 1, work)
    results = runner.run(unit(n) for n in range(3))
    assert next(results)[0].number == 0
    while 1 not in calls(tmp_path):
        threading.Event().wait(0.01)
    pid = int((tmp_path / "calls").read_text().split()[-1])
    results.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
