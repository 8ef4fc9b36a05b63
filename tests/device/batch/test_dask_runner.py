"""Units on a real cluster of two workers on this machine, with TLS and without: the same results as here, whatever dies on the way."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

distributed = pytest.importorskip("distributed")

from contracts.errors import ConfigError  # noqa: E402
from device.batch import cluster_worker  # noqa: E402
from device.batch.cluster import Cluster  # noqa: E402
from device.batch.cluster_worker import software  # noqa: E402
from device.batch.dask_runner import AHEAD, DaskRunner  # noqa: E402
from device.batch.local import LocalRunner  # noqa: E402
from device.batch.runner import Failure, Result  # noqa: E402
from device.batch.units import Unit  # noqa: E402
from device.batch.work import Work  # noqa: E402
from tests.device.batch import cluster_work  # noqa: E402
from tests.device.batch.cluster_work import MB, echo, unit  # noqa: E402

WORKERS = 2


@contextmanager
def made(**options: Any) -> Iterator[Any]:
    cluster = distributed.LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL, **options
    )
    with cluster, distributed.Client(cluster, set_as_default=False) as client:
        client.register_plugin(Unread())
        yield cluster


class Unread(distributed.WorkerPlugin):  # type: ignore[misc]  # untyped
    """Workers, and those that take their place, do not read the source: somebody may be writing it while the tests run."""

    def setup(self, worker: Any) -> None:
        cluster_worker.PACKAGES = ()
        software.cache_clear()


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


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def certificates(folder: Path, name: str) -> Cluster:
    """An authority and a certificate of a member, made for this test."""
    make = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(folder, "req", "-x509", *make, "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    openssl(folder, "req", *make, "-subj", "/CN=member", "-keyout", f"{name}-member.key", "-out", "member.csr")
    sign = ("-CA", f"{name}.pem", "-CAkey", f"{name}.key", "-CAcreateserial", "-days", "2")
    openssl(folder, "x509", "-req", "-in", "member.csr", *sign, "-out", f"{name}-member.pem")
    return Cluster("", folder / f"{name}.pem", folder / f"{name}-member.pem", folder / f"{name}-member.key")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_over_tls_it_is_the_same_and_a_stranger_is_not_let_in(tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = certificates(tmp_path, "own"), certificates(tmp_path, "other")
    both = {f"tls_{who}_{what}": str(getattr(own, what)) for who in ("scheduler", "worker", "client") for what in ("cert", "key")}
    security = distributed.Security(tls_ca_file=str(own.ca), require_encryption=True, **both)
    units = [unit(film, n) for n in range(10)]
    with made(host="tls://127.0.0.1", security=security) as cluster:
        address = cluster.scheduler_address
        assert address.startswith("tls://")
        assert done(DaskRunner("recipe", Cluster(address, own.ca, own.cert, own.key), echo), units) == here("recipe", units)
        monkeypatch.setattr("device.batch.dask_runner.CONNECT_S", 2)
        with pytest.raises(ConfigError, match="cannot be connected to"):
            DaskRunner("recipe", Cluster(address, other.ca, other.cert, other.key), echo)
        with pytest.raises(ConfigError, match="cannot be connected to"):
            DaskRunner("recipe", Cluster(address.replace("tls://", "tcp://")), echo)
