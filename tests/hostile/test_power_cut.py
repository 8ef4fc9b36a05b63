"""The power goes at any instant, for real, and the box is killed at any instant: nothing that was acknowledged is missing afterwards.

`make soak` with `CUTS=500 KILLS=1000` (rounds on each file system, and of kills) and `SEED=7`; with `POWER_LOG=file` each round is
written down, and those that are in it already are not run again: what failed is the first to be tried again.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.power_disk import LOG_SYNCED, NOTHING_SYNCED, LoopDisk, loop_disk
from tests.hostile.power_truth import Truth, kept_until, lost_ns

ROOT = Path(__file__).resolve().parents[2]
S = 1_000_000_000
LONGEST_S = 60  # a step that takes longer hangs
FRESH = 50  # rounds on one disk, then an empty one


class Writer:
    """The process that forks boxes; what they say is read as it comes."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.hostile.power_writer"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._said: list[dict[str, Any]] = []
        self._gone = False
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.until("ready")

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._news:
                self._said.append(json.loads(line))
                self._news.notify_all()
        with self._news:
            self._gone = True
            self._news.notify_all()

    def order(self, **order: Any) -> int:
        """Its process id."""
        assert self._process.stdin
        with self._news:
            self._said.clear()
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return int(self.until("pid")["pid"])

    def until(self, *names: str) -> dict[str, Any]:
        """The first that was said of these since the last order."""
        deadline = time.monotonic() + LONGEST_S
        with self._news:
            while True:
                found = next((each for each in self._said if each["a"] in names), None)
                if found:
                    return found
                assert not self._gone, "the process that forks boxes has ended; its error is above"
                assert self._news.wait(deadline - time.monotonic()), f"nothing said of {names}; the last was {self._said[-3:]}"

    def wait_for(self, name: str, more: int, longest_s: float = 30) -> int:
        """How much more was said of it, when it is enough or it took too long."""
        with self._news:
            begin = len(self._said)

            def count() -> int:
                return sum(each["a"] == name for each in self._said[begin:])

            self._news.wait_for(lambda: count() >= more, longest_s)
            return count()

    def said(self) -> list[dict[str, Any]]:
        with self._news:
            return list(self._said)

    def kill(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.until("over")

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._reader.join(30)
        self._process.stdout.close()


@dataclass
class Folder:
    """Where nothing but a kill can happen."""

    path: Path

    def cut(self, _journal: int) -> None:
        pass

    def umount(self) -> None:
        pass

    def mount(self) -> str:
        self.path.mkdir(exist_ok=True)
        return ""


@dataclass
class Ordeal:
    """One disk, one box after another on it."""

    disk: LoopDisk | Folder
    writer: Writer
    yaml: Path
    truth: Truth = field(default_factory=Truth)
    tally: Counter[str] = field(default_factory=Counter)

    @property
    def data(self) -> Path:
        return self.disk.path / "data"

    def round(self, seed: str) -> dict[str, Any]:
        """A box that runs until the power goes; the start after it, which is cut as well now and then; what is there then."""
        chance = random.Random(seed)
        before = {path.as_posix() for path in (self.data / "clips").rglob("*.json")}
        said, cut_ns = self._run(chance)
        self.truth.hear(said, cut_ns)
        again = chance.choice((0, 0, 0, 1, 1, 2))
        for _ in range(again):
            self._cut(self._order("recover"), chance, chance.random() * 0.3)
        word = self._recover(again=int(chance.random() < 0.25))
        wrong = [*word, *self.truth.wrong(self.data)]
        crashed = [each for each in said if each["a"] in {"crashed", "ended"} and each["t"] < cut_ns]
        lost, stalled = lost_ns(said, cut_ns, kept_until(self.data, "left", before))
        if lost > S + stalled:
            wrong.append(f"{lost / S:.2f} s of an open clip are lost; the recorder had no turn for {stalled / S:.2f} s")
        self.tally.update(each["a"] for each in said)
        assert not wrong + crashed, f"seed {seed}, {self.data}: " + "\n".join(map(str, [*wrong, *crashed]))
        found = {"seed": seed, "cuts": 1 + again, "lost_ms": lost // 1_000_000, "stalled_ms": stalled // 1_000_000}
        return {**found, "said": dict(Counter(each["a"] for each in said))}

    def _order(self, do: str, **more: Any) -> int:
        return self.writer.order(do=do, data=str(self.data), yaml=str(self.yaml), **more)

    def _run(self, chance: random.Random) -> tuple[list[dict[str, Any]], int]:
        pid = self._order("play", seed=chance.random(), fps=chance.choice((25, 50, 100)))
        if chance.random() < 0.85:
            self.writer.until("started", "ended")
        if chance.random() < 0.5:  # in the middle of a clip's closing, a commit, a removal; else anywhere
            self.writer.wait_for("about", chance.randint(1, 30), 5)
            cut_ns = self._cut(pid, chance, chance.random() * 0.02)
        else:
            cut_ns = self._cut(pid, chance, chance.choice((0.3, 1.0, 2.5)) * chance.random())
        return self.writer.said(), cut_ns

    def _cut(self, pid: int, chance: random.Random, after_s: float) -> int:
        threading.Event().wait(after_s)  # the instant of the cut, anywhere in its work
        cut_ns = time.monotonic_ns()
        self.disk.cut(chance.choice((LOG_SYNCED, NOTHING_SYNCED)))
        self.writer.kill(pid)
        self.disk.umount()
        reason = self.disk.mount()
        assert not reason, reason
        return cut_ns

    def _recover(self, again: int) -> list[str]:
        self._order("recover", again=again)
        self.writer.until("over")
        said = self.writer.said()
        verdict = next((each for each in said if each["a"] == "verdict"), None)
        if verdict is None:
            return [f"the start after it failed: {said[-2:]}"]
        changed = [f"a second start changed {name}" for each in said if each["a"] == "again" for name in each["changed"]]
        self.tally["second starts"] += again
        return [*changed, *(f"{name}: {text}" for name, text in verdict["wrong"].items())]


@pytest.fixture(scope="module")
def writer() -> Iterator[Writer]:
    made = Writer()
    yield made
    made.close()


def ordeals(
    kind: str, folder: Path, writer: Writer, rounds: range, seed: str = "1", told: Callable[[dict[str, Any]], None] = lambda _: None
) -> Counter[str]:
    """So many rounds, on an empty disk every so often."""
    tally: Counter[str] = Counter()
    for first in range(rounds.start, rounds.stop, FRESH):
        place = folder / f"{kind}-{first}"
        place.mkdir(parents=True)
        with nullcontext(Folder(place / "disk")) if kind == "kill" else loop_disk(place, kind) as disk:
            disk.path.mkdir(exist_ok=True)
            ordeal = Ordeal(disk, writer, place / "device.yaml", tally=tally)
            for number in range(first, min(first + FRESH, rounds.stop)):
                told(ordeal.round(f"{seed}-{kind}-{number}"))
    return tally


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "seed"), [("ext4", "314"), ("xfs", "28"), ("kill", "60")])
def test_what_was_acknowledged_is_there_afterwards(kind: str, seed: str, tmp_path: Path, writer: Writer) -> None:
    """Seeds with a box that runs for more than a second, one that is cut in the middle of something, and a recovery that is cut."""
    tally = ordeals(kind, tmp_path, writer, range(3), seed)
    assert tally["packet"] > 20 and tally["about"] + tally["event"] > 3, "there was something to lose"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_a_disk_that_dies_ends_recording_and_not_the_box(kind: str, tmp_path: Path, writer: Writer) -> None:
    """Every call fails from one instant on: what is on it waits for another disk, detection and the rest go on."""
    with loop_disk(tmp_path, kind) as disk:
        writer.order(do="play", data=str(disk.path / "data"), yaml=str(tmp_path / "device.yaml"), seed=1, fps=100)
        writer.until("take", "crashed", "ended")
        disk.cut()
        seen = writer.wait_for("seen", 60)
        crashed = [each for each in writer.said() if each["a"] in {"crashed", "ended"}]
        writer.kill(int(writer.until("pid")["pid"]))
        assert not crashed and seen >= 60


@pytest.mark.soak
@pytest.mark.parametrize(("kind", "count"), [("ext4", "CUTS"), ("xfs", "CUTS"), ("kill", "KILLS")])
def test_hundreds_of_times(kind: str, count: str, tmp_path: Path, writer: Writer) -> None:
    wanted = int(os.environ.get(count, "50"))
    book = Path(os.environ.get("POWER_LOG", tmp_path / "rounds.jsonl"))
    lines = [json.loads(line) for line in book.read_text().splitlines()] if book.exists() else []
    done = sum(line["kind"] == kind for line in lines)
    lost: list[int] = []

    def told(found: dict[str, Any]) -> None:
        lost.append(found["lost_ms"])
        with book.open("a") as file:
            file.write(json.dumps({"kind": kind, **found}) + "\n")
        if len(lost) % 10 == 0:
            sys.stderr.write(f"\n{kind}: {done + len(lost)} of {wanted}, worst loss {max(lost)} ms, seed {found['seed']}")

    tally = ordeals(kind, tmp_path, writer, range(done, wanted), os.environ.get("SEED", "1"), told)
    sys.stderr.write(f"\n{kind}: {len(lost)} rounds, {dict(tally)}\n")
