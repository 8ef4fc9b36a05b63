"""What of the trainer runs: ingest, pusher and file server, as threads here or as the programs that an owner starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from broker.address import Address, Tls
from tests.deploy.test_broker import Fleet
from tests.scenarios.push.desk import Desk
from tests.scenarios.push.papers import HERE, papers
from tests.scenarios.stage import ROOT
from trainer.clock import SystemClock
from trainer.ingest.options import Options
from trainer.ingest.service import Ingest
from trainer.push.pushing import pusher_of
from trainer.push.server import FileServer
from trainer.push.server import Options as ServerOptions
from trainer.store.database import Database


@contextmanager
def threads(desk: Desk, fleet: Fleet) -> Iterator[str]:
    """The address of the repository."""
    mine = {name: Path(path) for name, path in papers(fleet.authority, "trainer").items()}
    server = {name: Path(path) for name, path in papers(fleet.authority, "push").items()}
    stop, database = threading.Event(), Database(desk.home.store)
    ingest = Ingest(database, Options(host=HERE[0], port=fleet.port, tls=True, reconnect_max_s=2, **mine))
    pusher = pusher_of(desk.home, database, Address(HERE[0], fleet.port, "pusher", tls=Tls(**mine), window=50, setting="--"))
    files = FileServer(
        desk.place, SystemClock(), ServerOptions(port=0, tls_cert=server["cert"], tls_key=server["key"], client_ca=server["ca"])
    )
    files.start()
    calls = (lambda: ingest.run(stop), lambda: pusher.run(stop), files.work)
    running = [threading.Thread(target=call, daemon=True) for call in calls]
    for thread in running:
        thread.start()
    try:
        yield files.address
    finally:
        stop.set()
        files.close()
        for thread in running:
            thread.join(30)
            assert not thread.is_alive()
        database.close()


@contextmanager
def programs(desk: Desk, fleet: Fleet) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """With the address of the repository, the programs."""
    mine, server = papers(fleet.authority, "trainer"), papers(fleet.authority, "push")
    shown = [word for name in ("ca", "cert", "key") for word in (f"--{name}", mine[name])]
    broker = ["--host", HERE[0], "--port", str(fleet.port), "--tls", *shown]
    with ExitStack() as stack:
        ingest = stack.enter_context(_program(desk, "ingest", "--store", desk.home.store, *broker))
        pusher = stack.enter_context(_program(desk, "rollout", "run", *broker))
        tls = ["--tls-cert", server["cert"], "--tls-key", server["key"], "--client-ca", server["ca"]]
        files = stack.enter_context(_program(desk, "push", "serve", "--port", "0", *tls))
        assert files.stdout is not None
        yield files.stdout.readline().strip(), [ingest, pusher, files]


@contextmanager
def _program(desk: Desk, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Ends with code 0 when it is asked to."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (desk.home.path.parent / f"{words[0]}.log").open("a") as log:
        command = [sys.executable, "-m", "trainer.main", *words]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as process:
            try:
                yield process
                process.send_signal(signal.SIGTERM)
                assert process.wait(60) == 0
            finally:
                process.kill()
