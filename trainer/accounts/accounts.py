"""Accounts: the door to people: users, logins, guesses and the audit together."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sqlalchemy import RowMapping, select

from contracts.errors import ConfigError
from trainer.accounts.audit import Actor, Audit
from trainer.accounts.guesses import Guesses
from trainer.accounts.logins import Logins
from trainer.accounts.passwords import Cost, hashed, same
from trainer.accounts.roles import Person
from trainer.accounts.users import NAME, Users
from trainer.clock import Clock
from trainer.store.account_tables import users
from trainer.store.database import Database

AT_A_TIME = 2  # passwords that are compared; each takes 32 MB and a processor


@dataclass(frozen=True, slots=True)
class TooMany:
    """Wrong guesses: to be asked again after so many seconds."""

    wait_s: int


class Accounts:
    """Any thread may call it."""

    def __init__(self, database: Database, clock: Clock, *, hours: float = 12, cost: Cost | None = None) -> None:
        self._database, cost = database, cost or Cost()
        self.audit = Audit(database, clock)
        self.users = Users(database, clock, self.audit, cost)
        self.logins = Logins(database, clock, hours)
        self._guesses = Guesses(clock)
        self._nobody = hashed("nobody has this one", cost)  # who is not there takes as long as who is
        self._comparing = threading.Semaphore(AT_A_TIME)

    def enter(self, name: str, password: str, address: str) -> str | TooMany | None:
        """The cookie of a new session; None for a wrong name or password."""
        if wait_s := self._guesses.wait_s(address, name):
            return TooMany(wait_s)
        row = self._known(name)
        if not self._right(password, row["password"] if row else None):
            self._guesses.wrong(address, name)
            self.audit.note(Actor("", address), "login refused", name if row else "an unknown name")  # it may be a password, mistyped
            return None
        self._guesses.right(address, name)
        self.audit.note(Actor(name, address), "logged in")
        return self.logins.open(row["number"], address) if row else None

    def _known(self, name: str) -> RowMapping | None:
        if not NAME.fullmatch(name):
            return None
        with self._database.read() as connection:
            return connection.execute(select(users.c.number, users.c.password).where(users.c.name == name)).mappings().one_or_none()

    def confirm(self, person: Person, password: str, address: str) -> None:
        """ConfigError when it is not the person's own password: asked again before it is changed."""
        if self._guesses.wait_s(address, person.name):
            raise ConfigError("too many wrong guesses; try again in a while")
        with self._database.read() as connection:
            kept = connection.execute(select(users.c.password).where(users.c.name == person.name)).scalar_one_or_none()
        if not self._right(password, kept):
            self._guesses.wrong(address, person.name)
            raise ConfigError("that is not your password as it is now; type it again")

    def leave(self, person: Person, address: str) -> None:
        self.logins.close(person.login)
        self.audit.note(Actor(person.name, address), "logged out")

    def _right(self, password: str, kept: str | None) -> bool:
        with self._comparing:
            return same(password, kept or self._nobody) and kept is not None
