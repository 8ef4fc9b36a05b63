"""Roles: each may what the one before it may, and more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from contracts.errors import ConfigError

Role = Literal["viewer", "labeller", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Person:
    """Who is asking: a user with an open session. `csrf` is what its pages send back with whatever changes something."""

    name: str
    role: Role
    csrf: str
    login: str  # key of the session

    def may(self, least: Role) -> bool:
        return ROLES.index(self.role) >= ROLES.index(least)


def read_role(text: str) -> Role:
    for role in ROLES:
        if role == text:
            return role
    raise ConfigError(f"role {text[:40]!r}: is none; choose one of {', '.join(ROLES)}")
