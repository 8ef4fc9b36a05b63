"""Reading: a file of the repository's metadata, and whether it is signed by who root says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuf.api._payload import Root, Signed
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata

from contracts.errors import ConfigError, StorageError
from dataset.layout import read_small

MAX_BYTES: Mapping[str, int] = {"root": 512_000, "timestamp": 16_384, "snapshot": 2_000_000, "targets": 8_000_000}  # as boxes read


def verified(metadata: Metadata[Any], role: str, root: Root) -> Metadata[Any]:
    try:
        root.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except RepositoryError as error:
        raise ConfigError(f"{role}: its key is none of those that root names; bring back the key, or rotate it") from error
    return metadata


def read(path: Path, role: str, kind: type[Any]) -> Metadata[Any]:
    try:
        found: Metadata[Any] = Metadata.from_bytes(read_small(path, MAX_BYTES[role]))
        if not isinstance(found.signed, kind):
            raise ValueError(f"is {type(found.signed).__name__}")
    except (RepositoryError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); bring back its copy before anything is released") from error
    return found


def counts(path: Path, role: str, root: Root) -> bool:
    """Whether it is there, and signed by the keys of its role."""
    try:
        verified(read(path, role, Signed), role, root)
    except (ConfigError, StorageError):
        return False
    return True
