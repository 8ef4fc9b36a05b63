"""A cluster gives the document that this machine gives, byte for byte, over TLS and with a worker that is killed on the way."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from contracts.errors import ConfigError
from device.batch import cluster_worker
from device.batch.cluster import Cluster
from device.batch.cluster_worker import software
from device.batch.dask_runner import DaskRunner
from device.batch.recipe import recipe_of
from device.config import load
from tests.device.batch.cluster_work import looks_after_a_death
from tests.device.batch.clusters import certificates, made, security_of
from tests.device.batch.films import CLOCK, batched, messages, one_pass, without_time
from tests.scenarios.stage import config
from tests.scenarios.stage import film as visits

PART_S = 2.0
VISITS = ((1.0, 3.0), (5.0, 7.0), (9.0, 11.0))


@pytest.fixture(autouse=True)
def unread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(cluster_worker, "PACKAGES", ())
    software.cache_clear()
    yield
    software.cache_clear()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_cluster_over_tls_with_a_worker_that_is_killed_gives_the_document_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And lets no stranger in."""
    device, path = config(tmp_path, {"use": "pattern", "pace": "realtime"}), visits(tmp_path / "visits.mkv", VISITS, 12.0)
    loaded, own = load(device), certificates(tmp_path, "own")
    recipe = recipe_of(loaded, "file", CLOCK).text()
    with made(host="tls://127.0.0.1", security=security_of(own)) as cluster:
        member = Cluster(cluster.scheduler_address, own.ca, own.cert, own.key)
        address, other = member.address, certificates(tmp_path, "other")
        assert address.startswith("tls://")
        there = batched(loaded, path, tmp_path / "there", PART_S, runner=DaskRunner(recipe, member, looks_after_a_death))
        monkeypatch.setattr("device.batch.dask_runner.CONNECT_S", 2)
        for stranger in (Cluster(address, other.ca, other.cert, other.key), Cluster(address.replace("tls://", "tcp://"))):
            with pytest.raises(ConfigError, match="cannot be connected to"):
                DaskRunner(recipe, stranger)
    here = batched(loaded, path, tmp_path / "here", PART_S)
    assert path.with_suffix(".died").exists()
    assert messages(there) == messages(here) == one_pass(loaded, path, tmp_path / "one")
    assert len(messages(there)) > 3
    assert without_time(there.document) == without_time(here.document)
