"""Real clusters of two workers on this machine, and certificates made for one test."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import distributed

from device.batch import cluster_worker
from device.batch.cluster import Cluster
from device.batch.cluster_worker import software

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


def security_of(member: Cluster) -> Any:
    both = {f"tls_{who}_{what}": str(getattr(member, what)) for who in ("scheduler", "worker", "client") for what in ("cert", "key")}
    return distributed.Security(tls_ca_file=str(member.ca), require_encryption=True, **both)


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
