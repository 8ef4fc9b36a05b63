"""A real PostgreSQL of its own, on a unix socket in a folder that is thrown away; for tests of the store."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
BIN = PLACES[0].parent if PLACES else None
USER = "postgres"
needs_postgres = pytest.mark.skipif(BIN is None, reason="PostgreSQL is not installed")
_numbers = count(1)


class Server:
    """It will not run as root, so there it runs as the user that its package made."""

    def __init__(self, folder: Path) -> None:
        assert BIN
        self._data, self._sockets = folder / "data", folder
        self._as = ["runuser", "-u", USER, "--"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(folder, USER)
        self._run("initdb", "--auth=trust", "--no-sync", f"--username={USER}", "-D", str(self._data))

    def start(self) -> None:
        options = f"-c listen_addresses='' -k {self._sockets} -c fsync=off -c shared_buffers=16MB"
        self._run("pg_ctl", "-D", str(self._data), "-w", "-t", "60", "-o", options, "-l", str(self._sockets / "log"), "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "immediate", "stop")

    def database(self) -> str:
        """The URL of a new empty one."""
        name = f"store_{next(_numbers)}"
        self._run("createdb", "-h", str(self._sockets), "-U", USER, name)
        return f"postgresql+pg8000://{USER}@/{name}?unix_sock={self._sockets}/.s.PGSQL.5432"

    def _run(self, program: str, *words: str) -> None:
        assert BIN
        done = subprocess.run(
            [*self._as, str(BIN / program), *words], cwd=self._sockets, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
        )
        assert done.returncode == 0, f"{program}: {done.stderr.decode()}"


@contextmanager
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="vedette-pg-") as folder:
        made = Server(Path(folder))
        made.start()
        try:
            yield made
        finally:
            made.stop()
