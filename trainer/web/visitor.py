"""Visitor: who is asking, as the guard found out; for routers."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from trainer.accounts.audit import Actor
from trainer.accounts.roles import Person

KEY = "person"


def known(asked: HTTPConnection) -> Person | None:
    """None: nobody is logged in."""
    person = asked.scope.get("state", {}).get(KEY)
    return person if isinstance(person, Person) else None


def visitor(asked: HTTPConnection) -> Person:
    """Of a path that is not open to all: the guard let nobody pass without."""
    person = known(asked)
    if person is None:
        raise RuntimeError(f"{asked.scope['path']}: is not guarded")
    return person


def actor(asked: HTTPConnection) -> Actor:
    """For the audit."""
    person = known(asked)
    return Actor(person.name if person else "", address(asked))


def address(asked: HTTPConnection) -> str:
    return asked.client.host if asked.client else "?"
