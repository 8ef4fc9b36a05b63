"""kill -9 at random instants: the subscriber proves by the numbers alone that it has everything that was journalled."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from contracts.envelope import read_envelope
from tests.device.publish.fakes import DEVICE
from tests.device.publish.mosquitto import Broker, envelopes, listening, needs_mosquitto

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("VEDETTE_TEST_KILLS", "5"))


def publisher(folder: Path, broker: Broker, first: int, count: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.device.publish.publisher", str(folder), str(broker.port), str(first), str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def no_hole(numbers: set[int], least: int) -> bool:
    """The broker has all when the last process has ended; it gives them to a listener that is slow for once a bit later."""
    return max(numbers, default=0) >= least and numbers == set(range(1, max(numbers) + 1))


@pytest.mark.broker
@needs_mosquitto
def test_a_process_killed_at_random_instants_loses_nothing_it_had_journalled(tmp_path: Path, broker: Broker) -> None:
    chance = random.Random(20261122)
    with listening(broker, f"vedette/v1/{DEVICE}/up/event") as listener:
        journalled = 0
        for kill in range(KILLS):
            child = publisher(tmp_path, broker, 1_000_000 * kill + 1)
            assert child.stdout
            child.stdout.readline()  # it is at work
            threading.Event().wait(chance.uniform(0, 0.5))
            child.kill()
            said = [int(line) for line in child.stdout.read().split()]
            child.wait()
            child.stdout.close()
            journalled = max([journalled, *said])
        last = publisher(tmp_path, broker, 900_000_001, 10)
        assert last.communicate(timeout=60)[0]
        assert last.returncode == 0
        messages = listener.wait(lambda came: no_hole({e["seq"] for e in envelopes(came)}, journalled + 10), 60)
    came = envelopes(messages)
    by_seq = {e["seq"]: e["id"] for e in came}
    assert len({e["id"] for e in came}) == len(by_seq), "one number, one message: what came twice came under one id"
    ends = [e for e in came if e["data"]["life"] == "end"]
    assert {e["data"]["data"]["reason"] for e in ends} == {"interrupted"}
    begun = {e["data"]["id"] for e in came if e["data"]["life"] == "new" and e["data"]["frame_number"] < 900_000_001}
    assert {e["data"]["id"] for e in ends} == begun, "every event that was begun has its end"
    read_envelope(messages[0].payload)
