"""Logins: sessions in the store, so that they outlive the server; the browser has the only copy of the cookie."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import delete, select

from trainer.accounts.roles import Person, read_role
from trainer.clock import Clock, wall_us
from trainer.store.account_tables import logins, users
from trainer.store.database import Database

EACH = 20  # sessions of one user; the oldest gives way
HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Opened:
    cookie: str
    person: Person


class Logins:
    def __init__(self, database: Database, clock: Clock, hours: float) -> None:
        self._database, self._clock, self._span_us = database, clock, int(hours * HOUR_US)

    def open(self, user: int, password: str, address: str) -> str | None:
        """The cookie. What is over is swept out on the way. None: the password, as it is kept, is another by now, or the user is gone."""
        cookie, now = secrets.token_urlsafe(32), wall_us(self._clock)
        row = {
            "cookie": key_of(cookie), "user": user, "csrf": secrets.token_urlsafe(32), "address": address[:64],
            "opened_us": now, "until_us": now + self._span_us,
        }  # fmt: skip
        older = select(logins.c.cookie).where(logins.c.user == user).order_by(logins.c.opened_us.desc()).offset(EACH - 1)
        holds = select(users.c.number).where(users.c.number == user, users.c.password == password)
        with self._database.write() as connection:
            if connection.execute(holds.with_for_update()).one_or_none() is None:
                return None
            connection.execute(delete(logins).where(logins.c.until_us <= now))
            connection.execute(delete(logins).where(logins.c.cookie.in_(list(connection.execute(older).scalars()))))
            connection.execute(logins.insert(), row)
        return cookie

    def person(self, cookie: str) -> Person | None:
        """Whose session it is; None for one that is unknown, over or ended."""
        key = key_of(cookie)
        query = select(users.c.name, users.c.role, logins.c.csrf).join(users, users.c.number == logins.c.user)
        query = query.where(logins.c.cookie == key, logins.c.until_us > wall_us(self._clock))
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return Person(row.name, read_role(row.role), row.csrf, key) if row else None

    def close(self, key: str) -> None:
        """`key` is a person's `login`."""
        with self._database.write() as connection:
            connection.execute(delete(logins).where(logins.c.cookie == key))


def key_of(cookie: str) -> str:
    return sha256(cookie.encode("utf-8", "surrogatepass")).hexdigest()
