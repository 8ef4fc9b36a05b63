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
        guessed = self._guessed(name, password, address)
        if isinstance(guessed, TooMany):
            return guessed
        known, row = guessed
        cookie = self.logins.open(row["number"], row["password"], address) if row else None
        if cookie is None:
            self.audit.note(Actor("", address), "login refused", name if known else "an unknown name")  # it may be a password, mistyped
            return None
        self._guesses.right(address, name)
        self.audit.note(Actor(name, address), "logged in")
        return cookie

    def _guessed(self, name: str, password: str, address: str) -> TooMany | tuple[bool, RowMapping | None]:
        """Whether the name is known, and whose password it is. Counted before the next is heard, however many come at once."""
        with self._comparing:
            if wait_s := self._guesses.wait_s(address, name):
                return TooMany(wait_s)
            row = self._known(name)
            if same(password, row["password"] if row else self._nobody) and row is not None:
                return True, row
            self._guesses.wrong(address, name)
            return row is not None, None

    def _known(self, name: str) -> RowMapping | None:
        if not NAME.fullmatch(name):
            return None
        with self._database.read() as connection:
            return connection.execute(select(users.c.number, users.c.password).where(users.c.name == name)).mappings().one_or_none()

    def confirm(self, person: Person, password: str, address: str) -> None:
        """ConfigError when it is not the person's own password: asked again before it is changed."""
        guessed = self._guessed(person.name, password, address)
        if isinstance(guessed, TooMany):
            raise ConfigError("too many wrong guesses; try again in a while")
        if guessed[1] is None:
            raise ConfigError("that is not your password as it is now; type it again")

    def leave(self, person: Person, address: str) -> None:
        self.logins.close(person.login)
        self.audit.note(Actor(person.name, address), "logged out")
