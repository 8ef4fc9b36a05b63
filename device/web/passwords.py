"""Passwords as they are kept: salted, and slow to guess by whoever gets hold of the file."""

from __future__ import annotations

import hmac
import os
import re
from hashlib import scrypt

COST, BLOCK, LANES = 1 << 14, 8, 1  # 16 MB and some 50 ms for each guess
SALT_BYTES, KEY_BYTES = 16, 32
WRITTEN = re.compile(r"scrypt:(\d{1,7}):(\d{1,2}):(\d{1,2}):([0-9a-f]{32}):([0-9a-f]{64})")
MOST_BYTES = 64 << 20  # of memory that a kept password may ask for


def hashed(password: str) -> str:
    """`scrypt:cost:block:lanes:salt:key`, for page.password_hash."""
    salt = os.urandom(SALT_BYTES)
    return f"scrypt:{COST}:{BLOCK}:{LANES}:{salt.hex()}:{_key(password, salt, COST, BLOCK, LANES).hex()}"


def fits(password: str, kept: str) -> bool:
    """In a time that says nothing of where they differ."""
    found = WRITTEN.fullmatch(kept)
    if found is None:
        return False
    cost, block, lanes = (int(part) for part in found.groups()[:3])
    return hmac.compare_digest(_key(password, bytes.fromhex(found[4]), cost, block, lanes), bytes.fromhex(found[5]))


def fault(kept: str) -> str:
    """Why a kept password cannot be used; empty: it can."""
    found = WRITTEN.fullmatch(kept)
    if found is None:
        return "is not a password as the settings page keeps it; set the password there, or use page.password"
    cost, block, lanes = (int(part) for part in found.groups()[:3])
    if cost < 2 or cost & (cost - 1) or not block or not lanes or 128 * cost * block * lanes > MOST_BYTES:
        return "asks for a cost that there is not; set the password on the settings page again"
    return ""


def _key(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return scrypt(password.encode(), salt=salt, n=cost, r=block, p=lanes, maxmem=2 * MOST_BYTES, dklen=KEY_BYTES)
