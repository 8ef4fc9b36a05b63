"""Whether the clock is synchronised is found out beside, and never waited for."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from device import clock, timedated
from device.clock import SystemClock, kernel_synchronised
from device.timedated import Timedated


def test_asking_does_not_wait_and_one_question_is_enough() -> None:
    asked, may_answer = [], threading.Event()

    def ask() -> bool:
        asked.append(1)
        return may_answer.wait(10)

    one = Timedated(ask)
    assert [one.synchronised() for _ in range(3)] == [False, False, False], "it may be: nobody said so yet"
    may_answer.set()
    end = time.monotonic() + 10
    while not one.synchronised() and time.monotonic() < end:
        threading.Event().wait(0.01)
    assert one.synchronised()
    assert len(asked) == 1


@pytest.mark.parametrize(("words", "expected"), [("echo yes", True), ("echo no", False), ("echo yes-and-no", False), ("exit 1", False)])
def test_what_timedatectl_says_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, expected: bool) -> None:
    program = tmp_path / "timedatectl"
    program.write_text(f"#!/bin/sh\n{words}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert timedated._ask() is expected


def test_without_it_nobody_says_that_the_clock_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert timedated._ask() is False


def test_a_kernel_that_may_be_asked_is_and_another_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kernel_synchronised() in {True, False}
    monkeypatch.setattr(Path, "exists", lambda _path: False)
    monkeypatch.setattr(SystemClock, "_timedated", Timedated(lambda: pytest.fail("the kernel answered")))
    for said, expected in ((True, "ntp"), (False, "unsynced")):
        monkeypatch.setattr(clock, "kernel_synchronised", lambda said=said: said)
        assert SystemClock().state() == expected
