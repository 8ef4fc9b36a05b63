"""Passwords: kept as scrypt's answer with its salt and its cost, compared in a time that says nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from contracts.errors import ConfigError

SHORTEST, LONGEST = 10, 256  # characters
SALT_BYTES, HASH_BYTES = 16, 32


@dataclass(frozen=True, slots=True)
class Cost:
    """32 MB and about a third of a second: a guess is dear, a login is not felt."""

    log2_n: int = 15
    r: int = 8
    p: int = 3


def check_new(password: str) -> None:
    """ConfigError for one that nobody should have."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise ConfigError(f"password: has {len(password)} characters; take {SHORTEST} to {LONGEST}")
    if len(set(password)) < 4:
        raise ConfigError("password: has fewer than four different characters; take several words")


def hashed(password: str, cost: Cost) -> str:
    salt = secrets.token_bytes(SALT_BYTES)
    answer = _scrypt(password, salt, cost)
    return f"scrypt${cost.log2_n}${cost.r}${cost.p}${_text(salt)}${_text(answer)}"


def same(password: str, kept: str) -> bool:
    """`kept` is what `hashed` gave."""
    _, log2_n, r, p, salt, answer = kept.split("$")
    cost = Cost(int(log2_n), int(r), int(p))
    return hmac.compare_digest(_scrypt(password[: LONGEST + 1], base64.b64decode(salt), cost), base64.b64decode(answer))


def _scrypt(password: str, salt: bytes, cost: Cost) -> bytes:
    n = 1 << cost.log2_n
    room = 128 * cost.r * (n + cost.p + 2) + (1 << 20)
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=n, r=cost.r, p=cost.p, maxmem=room, dklen=HASH_BYTES)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
