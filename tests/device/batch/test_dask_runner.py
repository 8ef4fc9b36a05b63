"""Units on a real cluster of two workers on this machine, with TLS and without: the same results as here, whatever dies on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from contracts.errors import ConfigError
from device.batch import cluster_worker
from device.batch.cluster import Cluster
from device.batch.cluster_worker import software
from device.batch.dask_runner import AHEAD, DaskRunner
from device.batch.local import LocalRunner
from device.batch.runner import Failure, Result
from device.batch.units import Unit
from device.batch.work import Work
from tests.device.batch import cluster_work
from tests.device.batch.cluster_work import MB, echo, unit
from tests.device.batch.clusters import WORKERS, made


@pytest.fixture(autouse=True)
def unread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nor does this process."""
    monkeypatch.setattr(cluster_worker, "PACKAGES", ())
    software.cache_clear()
    yield
    software.cache_clear()


@pytest.fixture(scope="module")
def plain() -> Iterator[Cluster]:
    with made(host="127.0.0.1") as cluster:
        yield Cluster(cluster.scheduler_address)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mkv"
    path.write_bytes(bytes(range(256)) * 9000)
    return path


def done(runner: DaskRunner | LocalRunner, units: list[Unit]) -> dict[str, Result]:
    return {each.key: result for each, result in runner.run(iter(units))}


def here(recipe: str, units: list[Unit], work: Work = echo) -> dict[str, Result]:
    return {each.key: work(recipe, each.to_json()) for each in units}


def test_a_cluster_gives_what_this_machine_gives(plain: Cluster, film: Path) -> None:
    units = [unit(film, n) for n in range(20)]
    assert done(DaskRunner("recipe", plain, echo), units) == done(LocalRunner("recipe", 1, echo), units) == here("recipe", units)


def test_a_worker_that_is_killed_costs_nothing(plain: Cluster, film: Path, tmp_path: Path) -> None:
    units = [unit(film, n) for n in range(12)]
    assert done(DaskRunner(str(tmp_path), plain, cluster_work.dies_once), units) == here(str(tmp_path), units)
    assert (tmp_path / "died").exists()


def test_a_unit_that_fails_is_said_and_the_others_go_on(plain: Cluster, film: Path) -> None:
    units = [unit(film, n) for n in range(4)]
    found = done(DaskRunner("recipe", plain, cluster_work.fails), units)
    reasons = [found[each.key] for each in units[1:3]]
    assert all(isinstance(reason, Failure) for reason in reasons)
    assert ["a hole where the picture was" in str(reasons[0]), "ZeroDivisionError: a bug" in str(reasons[1])] == [True, True]
    assert found[units[0].key] == echo("recipe", units[0].to_json())


def test_units_are_drawn_only_a_few_ahead(plain: Cluster, film: Path) -> None:
    drawn = 0

    def units() -> Iterator[Unit]:
        nonlocal drawn
        for drawn in range(1, 41):
            yield unit(film, drawn)

    for taken, _ in enumerate(DaskRunner("recipe", plain, echo).run(units()), 1):
        assert drawn - taken <= AHEAD * WORKERS + 1
    assert drawn == 40


def test_what_making_the_units_raises_is_raised(plain: Cluster, film: Path) -> None:
    def units() -> Iterator[Unit]:
        yield unit(film, 1)
        raise ZeroDivisionError("of the index")

    with pytest.raises(ZeroDivisionError, match="of the index"):
        list(DaskRunner("recipe", plain, echo).run(units()))


def test_a_run_that_is_given_up_ends_at_once_and_the_next_one_works(plain: Cluster, film: Path) -> None:
    running = DaskRunner("recipe", plain, echo).run(unit(film, n) for n in range(1000))
    next(running)
    running.close()  # type: ignore[attr-defined]  # a generator
    units = [unit(film, 5)]
    assert done(DaskRunner("recipe", plain, echo), units) == here("recipe", units)


def test_a_worker_that_sees_another_file_says_so(plain: Cluster, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.batch.dask_runner.sight_of", lambda path: f"{MB}:of another machine")
    (result,) = done(DaskRunner("recipe", plain, echo), [unit(film, 1)]).values()
    assert isinstance(result, Failure)
    assert f"has another file at {film}" in result.reason


def test_a_film_that_is_gone_fails_alone_and_a_path_is_meant_from_here(plain: Cluster, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(film.parent)
    gone, near = unit(film.with_name("gone.mkv"), 1), unit(Path("film.mkv"), 2)
    found = dict(DaskRunner("recipe", plain, echo).run([gone, near]))
    assert {type(found[gone]), found[near]} == {Failure, echo("recipe", unit(film, 2).to_json())}


def test_a_worker_of_other_software_is_refused_by_name(plain: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.batch.cluster_worker.version", lambda library: "9.9.9")
    with pytest.raises(ConfigError, match=r"worker tcp://127\.0\.0\.1:\d+ .* is not the same: vedette .* and not 9\.9\.9"):
        DaskRunner("recipe", plain, echo)


def test_a_worker_that_came_later_with_other_software_is_refused_too(plain: Cluster, film: Path) -> None:
    runner = DaskRunner("recipe", plain, echo)
    runner._wanted = {**runner._wanted, "program": "changed"}  # as the answer of a worker that joined after the check
    with pytest.raises(ConfigError, match=r"program .* and not changed"):
        done(runner, [unit(film, 1)])


def test_where_no_scheduler_is_this_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.batch.dask_runner.CONNECT_S", 1)
    with pytest.raises(ConfigError, match="cannot be connected to"):
        DaskRunner("recipe", Cluster("tcp://127.0.0.1:9"), echo)


def test_a_plain_connection_to_another_machine_is_never_begun() -> None:
    with pytest.raises(ConfigError, match="start the scheduler with TLS"):
        DaskRunner("recipe", Cluster("tcp://192.0.2.1:8786"), echo)
