"""Ingest: a thousand boxes over a real broker into the store: events a second, what they cost, and nothing lost over restarts."""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.report import Figure, report
from contracts.topics import Topics
from tests.device.publish.mosquitto import Broker, broker_in
from tests.trainer.ingest.boxes import Fleet, envelope, event
from tests.trainer.ingest.trainers import Trainer, count, eventually, stored

ROOM = ("max_queued_messages 0", "max_queued_bytes 0", "max_inflight_messages 0", "autosave_on_changes false", "autosave_interval 3600")
LIVES = ("new", "update", "update", "end")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, default=1000)
    parser.add_argument("--each", type=int, default=40, help="messages of each box, in each of the two halves (default 40)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder, running(Path(folder)) as (broker, trainer):
        first = leg(broker, trainer, given.boxes, range(1, given.each + 1))
        second = restarts(broker, trainer, Path(folder) / "store.sqlite", given.boxes, range(given.each + 1, 2 * given.each + 1))
        trainer.stop()
        lost = given.boxes * 2 * given.each - sum(len(set(seqs)) for seqs in stored(Path(folder) / "store.sqlite").values())
        twice = sum(len(seqs) - len(set(seqs)) for seqs in stored(Path(folder) / "store.sqlite").values())
    figures = [
        Figure("events sustained", first["rate"], "events/s"),
        Figure("CPU time of the trainer for an event", first["cpu_us"], "us"),
        Figure("CPU time of the broker for an event", first["broker_us"], "us"),
        Figure("memory of the trainer", first["rss_mb"], "MB"),
        Figure("lost over a kill of the trainer and a restart of the broker", lost, "", "<= 0"),
        Figure("twice in the store", twice, "", "<= 0"),
        Figure("until all was there, restarts included", second, "s"),
    ]
    report("ingest", figures, boxes=given.boxes, messages=given.boxes * 2 * given.each)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[tuple[Broker, Trainer]]:
    (folder / "broker").mkdir()
    with broker_in(folder / "broker", *ROOM) as broker:
        trainer = Trainer(folder / "store.sqlite", broker)
        trainer.start()
        trainer.wait(lambda said: said["connected"])
        try:
            yield broker, trainer
        finally:
            trainer.close()


def send(fleet: Fleet, boxes: int, numbers: range) -> None:
    """Each box in turn; four messages are one event."""
    for seq in numbers:
        for n in range(boxes):
            name, at = f"box-{n:05d}", (seq - 1) % 4
            fleet.send(Topics(name).up("event"), envelope(name, seq, event((seq - 1) // 4, LIVES[at], at)))


def leg(broker: Broker, trainer: Trainer, boxes: int, numbers: range) -> dict[str, Any]:
    """Everything waits at the broker first, so that the sender, which is slower, is not what is measured."""
    trainer.stop()
    fleet = Fleet(broker.host, broker.port)
    send(fleet, boxes, numbers)
    fleet.flush(600)
    fleet.close()
    total, broker_cpu = boxes * len(numbers), cpu_s(broker_pid(broker))
    trainer.start()
    trainer.wait(lambda said: said["events"] > 0)
    began, before = time.perf_counter(), trainer.said
    start_cpu = cpu_s(trainer_pid(trainer))
    said = trainer.wait(lambda said: said["events"] >= total, 900)
    seconds, came = time.perf_counter() - began, total - before["events"]
    return {
        "rate": came / seconds,
        "cpu_us": (cpu_s(trainer_pid(trainer)) - start_cpu) / came * 1e6,
        "broker_us": (cpu_s(broker_pid(broker)) - broker_cpu) / total * 1e6,
        "rss_mb": said["rss_mb"],
    }


def restarts(broker: Broker, trainer: Trainer, store: Path, boxes: int, numbers: range) -> float:
    """The trainer killed in the middle, the broker stopped and started while messages wait."""
    began, half = time.perf_counter(), numbers[: len(numbers) // 2]
    fleet = Fleet(broker.host, broker.port)
    send(fleet, boxes, half)
    trainer.kill()
    fleet.flush(600)
    fleet.close()
    broker.kill(15)
    broker.start()
    trainer.start()
    trainer.wait(lambda said: said["connected"])
    fleet = Fleet(broker.host, broker.port)
    send(fleet, boxes, numbers[len(half) :])
    fleet.flush(600)
    fleet.close()
    eventually(lambda: count(store) >= boxes * numbers[-1], 900, pause_s=1)
    return time.perf_counter() - began


def broker_pid(broker: Broker) -> int:
    assert broker._process
    return broker._process.pid


def trainer_pid(trainer: Trainer) -> int:
    assert trainer._process
    return trainer._process.pid


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
