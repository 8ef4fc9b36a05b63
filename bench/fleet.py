"""Fleet: ten thousand boxes' status and health on one mosquitto as it is shipped: memory, CPU, how long a message takes, and a restart."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.box import TICKS
from bench.fleet_boxes import Task
from bench.fleet_broker import FleetBroker, room_for_files
from bench.fleet_said import Sample, sample, sizes, written
from bench.fleet_seen import Seen, figures
from bench.report import ROOT, report
from trainer.ingest.options import Options

PROCESSES = 2
SETTLE_S = 20
PATIENCE_S = 900


class Told:
    """A process that says a line of JSON a second; `last`, and all of them."""

    def __init__(self, module: str, argument: str) -> None:
        command = [sys.executable, "-m", module, argument]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.lines.append(json.loads(line))

    @property
    def last(self) -> dict[str, Any]:
        if self._process.poll() is not None:
            raise SystemExit(f"{self._process.args!r} ended with {self._process.returncode}")
        return self.lines[-1] if self.lines else {}

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()


class Swarm:
    """All boxes, over their processes."""

    def __init__(self, broker: FleetBroker, said: Path, boxes: int, ramp_s: float) -> None:
        each = boxes // PROCESSES
        counts = [each] * (PROCESSES - 1) + [boxes - each * (PROCESSES - 1)]
        pki = str(broker.authority.folder) if broker.authority else ""
        tasks = [Task(broker.port, n * each, count, ramp_s, str(said), pki) for n, count in enumerate(counts)]
        self.told = [Told("bench.fleet_boxes", json.dumps(asdict(task))) for task in tasks]

    def sum(self, key: str) -> int:
        return int(sum(told.last.get(key, 0) for told in self.told))

    def wait_all(self, boxes: int, since: float) -> tuple[float, float]:
        """When half of them, and when the last of them, was up."""
        half, deadline = 0.0, time.monotonic() + PATIENCE_S
        while not (self.sum("up") == boxes and all(told.last["all_up_at"] > since for told in self.told)):
            if not half and self.sum("up") >= boxes / 2 and min(told.last.get("at", 0) for told in self.told) > since + 1:
                half = time.monotonic()
            if time.monotonic() > deadline:
                raise SystemExit(f"only {self.sum('up')} of {boxes} boxes are connected: {[told.last for told in self.told]}")
            time.sleep(0.1)
        whole = max(told.last["all_up_at"] for told in self.told)
        return min(half or whole, whole), whole

    def cpu_s(self) -> float:
        return sum(told.cpu_s() for told in self.told)

    def end(self) -> None:
        for told in self.told:
            told.end()


@contextmanager
def started(folder: Path, said: Path, given: argparse.Namespace, tls: bool, seen: Seen) -> Iterator[tuple[FleetBroker, Told, Swarm]]:
    broker = FleetBroker(folder, tls)
    broker.start()
    seen.empty_mb = broker.memory_mb()
    heard = Told("bench.fleet_heard", listening(broker).model_dump_json())
    swarm = Swarm(broker, said, given.boxes, given.ramp)
    try:
        yield broker, heard, swarm
    finally:
        swarm.end()
        heard.end()
        broker.stop()


def listening(broker: FleetBroker) -> Options:
    """The trainer's own options; its certificate, or the name it says."""
    if broker.authority is None:
        return Options(host="127.0.0.1", port=broker.port, username="trainer")
    mine = broker.authority.folder / "issued" / "trainer"
    return Options(host="127.0.0.1", port=broker.port, tls=True, ca=mine / "ca.pem", cert=mine / "trainer.pem", key=mine / "trainer.key")


def leg(folder: Path, said: Path, given: argparse.Namespace, tls: bool) -> Seen:
    seen = Seen()
    with started(folder, said, given, tls, seen) as (broker, heard, swarm):
        waiting(lambda: all(told.lines for told in (*swarm.told, heard)))  # certificates are made first
        began = min(told.lines[0]["at"] for told in swarm.told) - 1
        seen.first_s = swarm.wait_all(given.boxes, 0)[1] - began
        seen.connected = swarm.sum("up")
        time.sleep(SETTLE_S)
        steady(seen, broker, heard, swarm, given.seconds)
        print(f"  {'TLS' if tls else 'plain'}: {seen}", flush=True)
        storm(seen, broker, heard, swarm, given.boxes)
        swarm.end()
        left(seen, broker, heard)
    print(f"  {'TLS' if tls else 'plain'}: {seen}", flush=True)
    return seen


def waiting(true: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit("the processes of the bench do not come up")
        time.sleep(0.1)


def steady(seen: Seen, broker: FleetBroker, heard: Told, swarm: Swarm, seconds: float) -> None:
    """Nothing but health, for so long that the broker writes down what it keeps at least once."""
    first, cpu_s, boxes_cpu_s, began = len(heard.lines), broker.cpu_s(), swarm.cpu_s(), time.monotonic()
    time.sleep(seconds)
    spent = time.monotonic() - began
    seen.broker_percent, seen.boxes_percent = (broker.cpu_s() - cpu_s) / spent * 100, (swarm.cpu_s() - boxes_cpu_s) / spent * 100
    lines = heard.lines[first:]
    taken = sorted(each for line in lines for each in line["ms"])
    wide = lines[-1]["at"] - heard.lines[first - 1]["at"]
    seen.messages_s, seen.bytes_s = len(taken) / wide, (lines[-1]["bytes"] - heard.lines[first - 1]["bytes"]) / wide
    seen.p50_ms, seen.p99_ms, seen.worst_ms = taken[len(taken) // 2], taken[int(len(taken) * 0.99)], taken[-1]
    seen.memory_mb, seen.files = broker.memory_mb(), broker.files()
    seen.unacknowledged, seen.refused = swarm.sum("sent") - swarm.sum("acked"), swarm.sum("refused")


def storm(seen: Seen, broker: FleetBroker, heard: Told, swarm: Swarm, boxes: int) -> None:
    """The broker is stopped as systemd stops it and started at once: boxes and trainer have lost it at the same instant."""
    before, began = swarm.sum("attempts"), time.monotonic()
    broker.stop()
    seen.stop_s = time.monotonic() - began
    there = broker.start()
    seen.start_s = there - began - seen.stop_s
    half, whole = swarm.wait_all(boxes, there)
    seen.storm_half_s, seen.storm_all_s = half - there, whole - there
    seen.storm_attempts, seen.storm_cpu_s = swarm.sum("attempts") - before, broker.cpu_s()
    bytes_before = next(line["bytes"] for line in reversed(heard.lines) if line["at"] <= there)
    waiting(lambda: heard.last["bytes"] > bytes_before)
    seen.storm_heard_s = next(line["at"] for line in heard.lines if line["bytes"] > bytes_before) - there


def left(seen: Seen, broker: FleetBroker, heard: Told) -> None:
    """What sessions and retained messages take when nobody is there, and nothing waits for the trainer any more."""
    begun = len(heard.lines)  # what it said before says nothing of what waits now
    waiting(lambda: len(heard.lines) > begun + 3 and heard.lines[-1]["bytes"] == heard.lines[-3]["bytes"])
    broker.stop()
    broker.start()
    time.sleep(2)
    seen.kept_memory_mb, seen.kept_disk_mb = broker.memory_mb(), broker.kept_mb()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=120, help="of nothing but health; the broker saves what it keeps each minute")
    parser.add_argument("--ramp", type=float, default=60, help="seconds over which the boxes are switched on")
    given = parser.parse_args()
    if room_for_files() < given.boxes + 200:
        raise SystemExit(f"{given.boxes} connections need as many open files: raise the hard limit (ulimit -Hn)")
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        folder = Path(name)
        real: Sample = sample(folder / "real")
        said = written(real, folder / "sample.json")
        print(f"  a real box says: {sizes(real)} bytes")
        seen: dict[str, Seen] = {}
        for words, tls in (("TLS", True), ("without TLS", False)):
            seen[words] = leg(folder / words.replace(" ", "-"), said, given, tls)
            found = [figure for name, each in seen.items() for figure in figures(each, given.boxes, name)]
            report("fleet", found, boxes=given.boxes, bytes=sizes(real), seen={name: asdict(each) for name, each in seen.items()})


if __name__ == "__main__":
    main()
