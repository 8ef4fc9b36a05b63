"""Whether the process that holds a job still lives."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from trainer.jobs.owners import living, owner_of


def test_a_process_is_known_dead_when_it_is_gone_or_its_number_is_somebody_elses() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        child = owner_of(process.pid)
        assert living([child]) == {child: True}
        process.kill()
    mine = owner_of(os.getpid())
    assert living([mine, child]) == {mine: True, child: False}
    reused = f"{mine.rpartition(':')[0]}:1"
    assert living([reused]) == {reused: False}
    with pytest.raises(ProcessLookupError):
        owner_of(process.pid)


def test_nothing_is_said_of_other_machines() -> None:
    mine = owner_of(os.getpid())
    assert living([f"elsewhere{mine}", "", "w1", "a:b:c"]) == {}
