"""Merkle: one digest of many records, whatever their order; leaves and nodes are told apart as in RFC 6962."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

LEAF, NODE = b"\0", b"\1"
PREFIX = "sha256:"


def leaf_of(record: bytes) -> bytes:
    return sha256(LEAF + record).digest()


def root_of(leaves: Iterable[bytes]) -> str:
    """Leaves sorted by their digests, what is there twice counted twice; of none the digest of nothing."""
    level = sorted(leaves)
    if not level:
        return PREFIX + sha256().hexdigest()
    while len(level) > 1:
        above = [sha256(NODE + level[n] + level[n + 1]).digest() for n in range(0, len(level) - 1, 2)]
        level = above + level[len(above) * 2 :]  # an odd one goes up as it is: the tree of RFC 6962
    return PREFIX + level[0].hex()
