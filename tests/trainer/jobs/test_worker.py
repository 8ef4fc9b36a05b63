"""Workers that are killed, stopped and told to cancel while a real bundle looks at real pictures."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from tests.trainer.jobs.homes import EVERY_S, PICTURES, WAIT_S, Worker, children_of, gone, home_in, open_jobs, until
from tests.trainer.web.pages import parts_in
from trainer.home import Home
from trainer.jobs.job import Job
from trainer.jobs.kinds import checked
from trainer.jobs.queue import Jobs

pytestmark = pytest.mark.timeout(300)  # five programs one after the other, on a machine that may have other things to do


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Home, str, Jobs]]:
    home, digest = home_in(tmp_path)
    database, jobs = open_jobs(home)
    yield home, digest, jobs
    database.close()


def ask(jobs: Jobs, digest: str) -> Job:
    return jobs.ask("evaluate", checked("evaluate", {"bundle": digest, "set": "yard", "side": ""}), "ada")


def under_way(job: Job) -> bool:
    return job.state == "running"


def child_of(worker: int) -> int:
    """The process that does the job."""
    deadline = time.monotonic() + WAIT_S
    while not (found := children_of(worker)):
        assert time.monotonic() < deadline
        time.sleep(EVERY_S)  # the worker starts it
    return found[0]


def test_job_worker_and_page_are_killed_one_after_the_other_and_the_job_is_done_all_the_same(place: tuple[Home, str, Jobs]) -> None:
    home, digest, jobs = place
    parts_in(home.path.parent).database.close()  # somebody who could log in
    job = ask(jobs, digest)
    page = Worker(home, "serve", "--port", "0")
    assert page.says().startswith("http://127.0.0.1:")
    until(jobs, job.id, under_way)
    (worker,) = page.children()
    os.kill(child_of(worker), signal.SIGKILL)
    until(jobs, job.id, lambda found: found.attempts == 2 and under_way(found))
    child = child_of(worker)
    page.kill()
    deadline = time.monotonic() + WAIT_S
    while not (gone(worker) and gone(child)):
        assert time.monotonic() < deadline
        time.sleep(EVERY_S)  # the kernel ends them
    left = jobs.find(job.id)
    assert left
    assert left.state == "running"
    assert Worker(home, "work", "--until-idle").over() == 0
    done = jobs.find(job.id)
    assert done
    assert (done.state, done.attempts) == ("done", 3)
    assert done.result["evaluation"]["pictures"] == PICTURES


def test_a_running_job_is_cancelled_and_a_worker_that_ends_gives_its_job_back(place: tuple[Home, str, Jobs]) -> None:
    home, digest, jobs = place
    cancelled, waiting = ask(jobs, digest), ask(jobs, digest)
    worker = Worker(home)
    until(jobs, cancelled.id, under_way)
    jobs.cancel(cancelled.id)
    ended = until(jobs, cancelled.id, lambda found: found.over)
    assert (ended.state, ended.result) == ("cancelled", None)
    until(jobs, waiting.id, under_way)
    assert worker.end() == 0
    back = jobs.find(waiting.id)
    assert back
    assert (back.state, back.attempts, back.owner) == ("waiting", 0, "")


def test_what_cannot_be_done_fails_in_words(place: tuple[Home, str, Jobs]) -> None:
    home, digest, jobs = place
    asked = [
        jobs.ask("evaluate", checked("evaluate", {"bundle": "sha256:" + "0" * 64, "set": "yard"})),
        jobs.ask("dataset_hash", checked("dataset_hash", {"set": "nowhere"})),
        jobs.ask("no_such_kind", {}),
        jobs.ask("gate", checked("gate", {"gates": "none", "set": "yard", "candidate": digest})),
        jobs.ask("dataset_hash", checked("dataset_hash", {"set": "yard"})),
    ]
    assert Worker(home, "work", "--until-idle").over() == 0
    ended = [jobs.find(job.id) for job in asked]
    assert [job.state for job in ended if job] == ["failed"] * 4 + ["done"]
    said = [job.said for job in ended if job]
    assert "models add" in said[0]
    assert "is not there; name a data set" in said[1]
    assert "no such kind" in said[2]
    last = ended[-1]
    assert last
    assert last.result["items"] == PICTURES
    assert (home.roots / "yard.json").is_file()
