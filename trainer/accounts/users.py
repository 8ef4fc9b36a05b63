"""Users: who may log in, with which role; the last admin stays."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from contracts.errors import ConfigError
from trainer.accounts.audit import Actor, Audit
from trainer.accounts.passwords import Cost, check_new, hashed
from trainer.accounts.roles import Role, read_role
from trainer.clock import Clock, wall_us
from trainer.store.account_tables import logins, users
from trainer.store.database import Database

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
MOST = 1000


@dataclass(frozen=True, slots=True)
class User:
    name: str
    role: Role
    created_us: int
    changed_us: int


class Users:
    def __init__(self, database: Database, clock: Clock, audit: Audit, cost: Cost) -> None:
        self._database, self._clock, self._audit, self._cost = database, clock, audit, cost

    def all(self) -> list[User]:
        query = select(users.c.name, users.c.role, users.c.created_us, users.c.changed_us).order_by(users.c.name)
        with self._database.read() as connection:
            return [User(row.name, read_role(row.role), row.created_us, row.changed_us) for row in connection.execute(query)]

    def count(self) -> int:
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(users)).scalar_one())

    def add(self, name: str, role: str, password: str, by: Actor) -> None:
        if not NAME.fullmatch(name):
            raise ConfigError(f"user {name[:70]!r}: is no name; take letters, digits and . _ @ -, at most 64")
        check_new(password)
        if self.count() >= MOST:
            raise ConfigError(f"user {name}: there are {MOST} already; remove some")
        now = wall_us(self._clock)
        row = {"name": name, "role": read_role(role), "password": hashed(password, self._cost), "created_us": now, "changed_us": now}
        try:
            with self._database.write() as connection:
                connection.execute(users.insert(), row)
                self._audit.note_in(connection, by, "user added", name, role=role)
        except IntegrityError as error:
            raise ConfigError(f"user {name}: is there already; change its password, or take another name") from error

    def change_password(self, name: str, password: str, by: Actor) -> None:
        """Its sessions end: who knew the old one is out."""
        check_new(password)
        kept = hashed(password, self._cost)
        with self._database.write() as connection:
            number = _number(connection, name)
            connection.execute(update(users).where(users.c.number == number).values(password=kept, changed_us=wall_us(self._clock)))
            connection.execute(delete(logins).where(logins.c.user == number))
            self._audit.note_in(connection, by, "password changed", name)

    def change_role(self, name: str, role: str, by: Actor) -> None:
        wanted = read_role(role)
        with self._database.write() as connection:
            number = _number(connection, name)
            if wanted != "admin":
                _keep_an_admin(connection, number)
            connection.execute(update(users).where(users.c.number == number).values(role=wanted, changed_us=wall_us(self._clock)))
            self._audit.note_in(connection, by, "role changed", name, role=role)

    def remove(self, name: str, by: Actor) -> None:
        with self._database.write() as connection:
            number = _number(connection, name)
            _keep_an_admin(connection, number)
            connection.execute(delete(logins).where(logins.c.user == number))
            connection.execute(delete(users).where(users.c.number == number))
            self._audit.note_in(connection, by, "user removed", name)


def _number(connection: Connection, name: str) -> int:
    found = connection.execute(select(users.c.number).where(users.c.name == name)).scalar_one_or_none()
    if found is None:
        raise ConfigError(f"user {name[:70]!r}: there is none; see `vedette-trainer users ls`")
    return int(found)


def _keep_an_admin(connection: Connection, number: int) -> None:
    """All admins are locked in one order: of two who remove each other one waits, and sees who is left."""
    held = select(users.c.number).where(users.c.role == "admin").order_by(users.c.number).with_for_update()
    admins = list(connection.execute(held).scalars())
    if admins == [number]:
        raise ConfigError("the last admin stays; make another one first")
