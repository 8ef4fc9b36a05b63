"""The queue of jobs on SQLite and on a real PostgreSQL: nothing is done twice, nothing is forgotten."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("sqlalchemy")

from contracts.errors import ConfigError
from tests.clocks import HandClock
from trainer.jobs import queue
from trainer.jobs.job import Job
from trainer.jobs.queue import Jobs, LeaseLost, QueueFull
from trainer.store.database import Database


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def jobs(url: str, clock: HandClock) -> Iterator[Jobs]:
    database = Database(url)
    yield Jobs(database, clock)
    database.close()


def state_of(jobs: Jobs, job: Job) -> str:
    found = jobs.find(job.id)
    assert found
    return found.state


def test_jobs_are_done_in_the_order_they_were_asked_for(jobs: Jobs, clock: HandClock) -> None:
    first = jobs.ask("evaluate", {"bundle": "x"}, "ada")
    clock.advance(0.001)
    second = jobs.ask("gate", {})
    taken = jobs.claim("w1")
    assert taken
    assert (taken.id, taken.state, taken.owner, taken.attempts, taken.arguments, taken.who) == (
        first.id, "running", "w1", 1, {"bundle": "x"}, "ada",
    )  # fmt: skip
    assert jobs.beat(first.id, "w1", 0.5, "half") is False
    jobs.end(first.id, "w1", "done", "done", {"ap": 0.5})
    found = jobs.find(first.id)
    assert found
    assert (found.state, found.progress, found.result, found.over) == ("done", 1.0, {"ap": 0.5}, True)
    assert [job.id for job in jobs.listed()] == [second.id, first.id]
    assert [job.id for job in jobs.listed(before=second.id)] == [first.id]
    assert [job.id for job in jobs.listed(state="waiting")] == [second.id]
    assert jobs.counts() == {"done": 1, "waiting": 1}


def test_two_workers_never_have_the_same_job(url: str, clock: HandClock) -> None:
    database = Database(url)
    wanted = sorted(Jobs(database, clock).ask("evaluate", {"n": n}).id for n in range(24))
    taken: list[str] = []
    failed: list[BaseException] = []

    def work(name: str) -> None:
        mine = Database(url)
        try:
            while (job := Jobs(mine, clock).claim(name)) is not None:
                taken.append(job.id)
        except BaseException as error:  # noqa: BLE001  told below
            failed.append(error)
        finally:
            mine.close()

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    database.close()
    assert failed == []
    assert sorted(taken) == wanted


def test_a_job_without_a_sign_of_life_is_begun_again_and_the_dead_one_cannot_end_it(jobs: Jobs, clock: HandClock) -> None:
    job = jobs.ask("evaluate", {})
    jobs.claim("dead")
    clock.advance(15)
    jobs.beat(job.id, "dead", 0.1, "")
    clock.advance(15)
    assert jobs.claim("next") is None
    clock.advance(6)
    again = jobs.claim("next")
    assert again
    assert (again.id, again.owner, again.attempts) == (job.id, "next", 2)
    for late in (
        lambda: jobs.beat(job.id, "dead", 0.9, ""),
        lambda: jobs.end(job.id, "dead", "done", ""),
        lambda: jobs.give_back(job.id, "dead", ""),
    ):
        with pytest.raises(LeaseLost):
            late()
    assert state_of(jobs, job) == "running"


def test_an_owner_that_is_known_to_be_dead_is_not_waited_for(jobs: Jobs) -> None:
    job = jobs.ask("evaluate", {})
    jobs.claim("dead")
    assert jobs.owners() == ["dead"]
    assert jobs.claim("next", {"dead": True}) is None
    again = jobs.claim("next", {"dead": False})
    assert again
    assert again.id == job.id


def test_a_job_that_kills_its_workers_is_given_up(jobs: Jobs) -> None:
    job = jobs.ask("evaluate", {})
    for n in range(queue.MOST_ATTEMPTS):
        taken = jobs.claim(f"w{n}")
        assert taken
        jobs.let_go(job.id, f"w{n}", "its process was ended by SIGKILL")
    assert jobs.claim("next") is None
    found = jobs.find(job.id)
    assert found
    assert found.state == "failed"
    assert "SIGKILL, 3 times" in found.said


def test_one_that_waits_is_cancelled_at_once_and_one_that_runs_is_asked(jobs: Jobs) -> None:
    waiting, running = jobs.ask("gate", {}), jobs.ask("gate", {})
    jobs.cancel(waiting.id)
    assert state_of(jobs, waiting) == "cancelled"
    assert jobs.claim("w")
    found = jobs.cancel(running.id)
    assert found
    assert (found.state, found.cancel) == ("running", True)
    assert jobs.beat(running.id, "w", 0, "") is True
    jobs.let_go(running.id, "w", "died")
    assert state_of(jobs, running) == "cancelled"
    done = jobs.cancel(running.id)
    assert done
    assert done.state == "cancelled"
    assert jobs.cancel("none") is None


def test_a_worker_that_ends_gives_its_job_back_and_that_is_no_attempt(jobs: Jobs) -> None:
    job = jobs.ask("evaluate", {})
    for _ in range(queue.MOST_ATTEMPTS + 2):
        assert jobs.claim("w")
        jobs.give_back(job.id, "w", "the worker ended")
    found = jobs.find(job.id)
    assert found
    assert (found.state, found.attempts) == ("waiting", 0)


def test_the_same_request_twice_is_one_job(jobs: Jobs) -> None:
    first = jobs.ask("evaluate", {}, "ada", "ada k1")
    assert jobs.ask("evaluate", {}, "ada", "ada k1").id == first.id
    assert jobs.ask("evaluate", {}, "ada", "ada k2").id != first.id


def test_the_same_request_at_the_same_moment_is_one_job(jobs: Jobs) -> None:
    for n in range(8):
        both = threading.Barrier(4, timeout=30)

        def ask(_: int, n: int = n, both: threading.Barrier = both) -> str:
            both.wait()
            return jobs.ask("train", {}, "ada", f"ada {n}").id

        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(ask, range(4)))) == 1


def test_too_many_that_wait_are_refused(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MOST_WAITING", 3)
    for _ in range(3):
        jobs.ask("evaluate", {})
    with pytest.raises(QueueFull, match="3 jobs wait"):
        jobs.ask("evaluate", {})
    assert jobs.claim("w")
    jobs.ask("evaluate", {})


def test_what_is_over_is_kept_but_not_for_ever(jobs: Jobs, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MOST_KEPT", 3)
    made = []
    for n in range(6):
        made.append(jobs.ask("evaluate", {"n": n}).id)
        jobs.cancel(made[-1])
        clock.advance(1)
    last = jobs.ask("evaluate", {})
    assert [job.id for job in jobs.listed()] == [last.id, *made[:2:-1]]
    clock.advance(91 * 86400)
    newest = jobs.ask("evaluate", {})
    assert [job.id for job in jobs.listed()] == [newest.id, last.id]


def test_a_result_or_arguments_without_end_are_refused(jobs: Jobs) -> None:
    with pytest.raises(ConfigError, match="longer than"):
        jobs.ask("evaluate", {"x": "y" * 70_000})
    job = jobs.ask("evaluate", {})
    assert jobs.claim("w")
    jobs.end(job.id, "w", "done", "done", {"x": "y" * 300_000})
    found = jobs.find(job.id)
    assert found
    assert found.state == "failed"
    assert "belongs into a file" in found.said
