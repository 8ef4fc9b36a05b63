"""Killed at any instant, a batch goes on where it was: the same documents, and no finished unit looked at twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.device.batch.films import batched, messages, one_pass, profile, without_time
from tests.device.capture.fakes import even, film

ROOT = Path(__file__).resolve().parents[3]


def command(folder: Path, video: Path, out: Path, workers: int = 2) -> list[str]:
    options = ["--config", str(folder / "device.yaml"), "--camera", "file", "--workers", str(workers), "--segment-s", "0.9", "--json"]
    return [sys.executable, "-m", "device.main", "batch", "--video", str(video), "--output", str(out), *options]


def killed(words: list[str], log: Path, after_s: float, number: int = signal.SIGKILL, grows: bool = False) -> int:
    """In a session of its own; so long after its beginning (`grows`: after more is in the log) it alone gets the signal. Its exit code,
    or minus the signal."""
    size = log.stat().st_size
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "BATCH_CALLS": str(log)}
    over = threading.Event()
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, cwd=ROOT, env=environment, start_new_session=True, **pipes) as process:  # type: ignore[call-overload]

        def strike() -> None:
            while grows and log.stat().st_size <= size and not over.wait(0.02):
                pass
            if not over.wait(after_s):
                process.send_signal(number)

        striker = threading.Thread(target=strike)
        striker.start()
        said = process.stderr.read()  # open until its workers are gone too
        over.set()
        striker.join()
    assert b"Traceback" not in said, said.decode()
    return int(process.returncode)


def test_what_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    kill_and_go_on(tmp_path, kills=2, seconds=10, grows=True, linger_s=0.03)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_killed_twenty_times_it_is_still_the_same(tmp_path: Path) -> None:
    kill_and_go_on(tmp_path, kills=20, seconds=240)


def kill_and_go_on(folder: Path, kills: int, seconds: int, grows: bool = False, linger_s: float = 0.05) -> None:
    loaded = profile(folder / "box", linger={"use": "tests.device.batch.lingers:Lingers", "seconds": linger_s})
    video = film(folder / "film.mkv", even(25 * seconds), bframes=2)
    expected = one_pass(loaded, video, folder / "one")
    whole = batched(loaded, video, folder / "whole", 0.9)
    words, log = command(folder / "box", video, folder / "out"), folder / "calls"
    log.touch()
    random.seed(seconds)
    work, done, died = folder / "out" / "film" / ".work", 0, 0
    while died < kills:
        ahead = len(list(work.glob("[0-9]*.jsonl")))
        code = killed(words, log, random.uniform(0.1, 0.6) if grows else random.uniform(0.5, 3.5), grows=grows)
        if code == 0:
            break  # it was quick: the rest of the kills would find nothing to do
        assert code == -signal.SIGKILL
        died += 1
        done = len(list(work.glob("[0-9]*.jsonl")))
        assert done >= ahead, "what is finished stays"
    assert died
    assert killed(words, log, 100) == 0
    film_out = folder / "out" / "film"
    assert (film_out / "events.jsonl").read_bytes().splitlines()[1:] == expected == messages(whole)
    assert without_time(folder / "out" / "film.json") == without_time(whole.document)
    assert not work.exists()
    twice = sum(count - 1 for count in Counter(log.read_text().splitlines()).values())
    assert twice <= 2 * died, "at most the two units in flight at each kill"


def test_interrupted_it_says_nothing_bad_ends_its_workers_and_goes_on(tmp_path: Path) -> None:
    profile(tmp_path / "box", linger={"use": "tests.device.batch.lingers:Lingers", "seconds": 0.05})
    video = film(tmp_path / "film.mkv", even(250))
    words, log = command(tmp_path / "box", video, tmp_path / "out", 1), tmp_path / "calls"
    log.touch()
    assert killed(words, log, 0.1, signal.SIGINT, grows=True) == 130
    assert killed(words, log, 100) == 0
    calls = Counter(log.read_text().splitlines())
    assert len(calls) == 10 and sum(calls.values()) <= len(calls) + 1
