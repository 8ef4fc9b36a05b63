"""Real pages on free ports, and people of every role who are logged in to them; for tests of whatever is behind the login."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import httpx

from trainer.accounts.accounts import Accounts
from trainer.accounts.audit import HERE
from trainer.accounts.passwords import Cost
from trainer.clock import Clock, SystemClock
from trainer.home import Home
from trainer.jobs.queue import Jobs
from trainer.store.blobs import DiskBlobs
from trainer.store.database import Database
from trainer.web.options import Options
from trainer.web.parts import Parts
from trainer.web.server import PageServer

WAIT_S = 30
LIGHT = Cost(10, 8, 1)  # a password of a test is not worth a third of a second
PASSWORD = "correct horse battery"
PEOPLE = {"vera": "viewer", "lea": "labeller", "ada": "admin"}


def parts_in(folder: Path, *, clock: Clock | None = None, store: str | None = None) -> Parts:
    """A home with one user of each role: vera looks, lea labels, ada does everything."""
    home, clock = Home(folder / "home"), clock or SystemClock()
    database = Database(store or str(home.path / "store.sqlite"))
    parts = Parts(home, database, DiskBlobs(home.path / "blobs"), clock, Accounts(database, clock, cost=LIGHT), Jobs(database, clock))
    if not parts.accounts.users.count():
        for name, role in PEOPLE.items():
            parts.accounts.users.add(name, role, PASSWORD, HERE)
    return parts


class Running:
    """A PageServer in a thread."""

    def __init__(self, parts: Parts, **options: Any) -> None:
        self.parts = parts
        self.server = PageServer(parts, Options(**{"port": 0, **options}))
        self.server.start()
        self.base = self.server.address
        self.error: BaseException | None = None
        self._clients: list[httpx.Client] = []
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        self.nobody = self.client()

    def _work(self) -> None:
        try:
            self.server.work()
        except BaseException as error:  # noqa: BLE001  what the program would end with
            self.error = error

    def client(self) -> httpx.Client:
        self._clients.append(httpx.Client(base_url=self.base, timeout=WAIT_S))
        return self._clients[-1]

    def login(self, name: str) -> httpx.Client:
        """Somebody with a session, and with the token that goes with whatever changes something."""
        client = self.client()
        answer = client.post("/api/v1/session", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.server.close()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()
        assert self.error is None
