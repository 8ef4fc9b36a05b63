"""Rules: which role reads and which changes what is below a path; what is not named is for admins to change."""

from __future__ import annotations

from dataclasses import dataclass

from trainer.accounts.roles import Role

OPEN_PATHS = ("/login", "/healthz", "/static/", "/favicon.ico", "/api/v1/session")
SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Rule:
    path: str
    read: Role = "viewer"
    change: Role = "admin"


RULES = (
    Rule("/api/v1/review", change="labeller"),
    Rule("/logout", change="viewer"),
    Rule("/me", change="viewer"),
    Rule("/users", read="admin"),
    Rule("/audit", read="admin"),
    Rule("/api/v1/users", read="admin"),
    Rule("/api/v1/audit", read="admin"),
)


def is_open(path: str) -> bool:
    """Whether it is there for everybody."""
    return any(path == each or (each.endswith("/") and path.startswith(each)) for each in OPEN_PATHS)


def least(path: str, method: str) -> Role:
    """The role that this asks for."""
    fitting = [rule for rule in RULES if path == rule.path or path.startswith(f"{rule.path}/")]
    rule = max(fitting, key=lambda each: len(each.path), default=Rule("/"))
    return rule.read if method in SAFE else rule.change
