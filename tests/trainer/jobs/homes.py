"""A home with a data set that a real bundle takes long to look at, and workers as processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dataset.exporter import Exporter
from dataset.marks import box
from tests.dataset.scenery import about, view
from trainer.clock import SystemClock
from trainer.home import Home
from trainer.jobs.job import Job
from trainer.jobs.queue import Jobs
from trainer.store.database import Database
from vision.bundle import read_bundle
from vision.bundle_write import pack

WAIT_S = 240
PICTURES = 60
EVERY_S = 0.05
STREET = Path(__file__).parents[3] / "models" / "person-street"


def home_in(folder: Path, pictures: int = PICTURES) -> tuple[Home, str]:
    """With a set `yard` and the digest of a bundle."""
    home = Home(folder / "home")
    with Exporter(home.sets / "yard") as exporter:
        for number in range(pictures):
            exporter.add(
                view(number), [box("person", (4, 6, 20, 30), 1.0, source="box", verified=True)], about(number, session=f"s{number % 6}")
            )
    stored = read_bundle(STREET)
    pack(stored, home.bundles / f"{stored.digest.removeprefix('sha256:')}.zip")
    return home, stored.digest


class Worker:
    """`vedette-trainer work` or `serve`, as an owner starts it."""

    def __init__(self, home: Home, *words: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VEDETTE_")}
        command = [sys.executable, "-m", "trainer.main", *(words or ("work",)), "--home", str(home.path)]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def says(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()

    def children(self) -> list[int]:
        return children_of(self.process.pid)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.over()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.over()

    def over(self) -> int:
        """The exit code, when it ends by itself."""
        code = self.process.wait(WAIT_S)
        assert self.process.stdout
        self.process.stdout.close()
        return code


def open_jobs(home: Home) -> tuple[Database, Jobs]:
    database = Database(str(home.path / "store.sqlite"))
    return database, Jobs(database, SystemClock())


def until(jobs: Jobs, job: str, what: Callable[[Job], bool]) -> Job:
    """The job when it is so; a test that waits in vain says how it stood."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        found = jobs.find(job)
        assert found
        if what(found):
            return found
        time.sleep(EVERY_S)  # another process decides when
    raise AssertionError(json.dumps(found.document(), indent=1))


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except OSError:
        return True


def children_of(pid: int) -> list[int]:
    """Of all its threads."""
    return [int(word) for task in Path(f"/proc/{pid}/task").iterdir() for word in (task / "children").read_text().split()]
