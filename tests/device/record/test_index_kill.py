"""kill -9 of a real process at random instants: nothing that was said is forgotten, nothing half removed is left, no pin is lost."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from device.record.checkup import Checkup
from tests.device.record.fakes import HandClock
from tests.device.record.stored import built_anew, in_line, said

ROOT = Path(__file__).resolve().parents[3]
KILLS = int(os.environ.get("VEDETTE_TEST_KILLS", "24"))


def lived(data: Path, seed: int, lines: int) -> list[tuple[str, UUID]]:
    """What a child had said when it was killed after so many lines."""
    command = [sys.executable, "-m", "tests.device.record.index_child", str(data), str(seed)]
    said_lines = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said_lines.append(line)
            if len(said_lines) >= lines:
                process.send_signal(signal.SIGKILL)
                break
        said_lines += process.stdout.readlines()
        process.wait(30)
    assert process.returncode == -signal.SIGKILL
    words = [line.split() for line in said_lines if line.endswith("\n") and line != "ready\n"]
    return [(what, UUID(number)) for what, number in words]


def test_a_process_killed_at_random_instants_leaves_nothing_that_the_next_does_not_finish(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    added: set[UUID] = set()
    begun: set[UUID] = set()
    removed: set[UUID] = set()
    pinned: set[UUID] = set()
    for kill in range(KILLS):
        for what, number in lived(tmp_path, kill, chance.randint(1, 25)):
            {"added": added, "pinned": pinned, "removing": begun, "removed": removed}[what].add(number)
        index = in_line(tmp_path)
        there = {entry.id for entry in index.entries()}
        assert said(index) == built_anew(tmp_path)
        assert added - begun <= there, "a clip that was added is there, unless its removal was begun"
        assert not removed & there
        assert {number for number in pinned if number in there} == pinned, "what is pinned is not removed"
        assert pinned <= {entry.id for entry in index.oldest(100_000, pinned=True)}
        report = Checkup(tmp_path, index, HandClock()).run()  # a child makes a video before its manifest
        assert [fault for fault in report.faults if fault.damage and fault.kind not in {"leftover", "no manifest"}] == []
        index.close()
    assert len(added) > KILLS and removed and pinned
