"""Keys of what is pushed: those that are online lie open, for the service's user alone; the others are sealed; root is elsewhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, TypeAdapter, ValidationError
from securesystemslib.signer._key import Key
from securesystemslib.signer._signature import Signature
from tuf.api._payload import T
from tuf.api.metadata import Metadata

from contracts.bundle import HEX64
from contracts.dsse import PublicKey
from contracts.envelope import first_fault
from contracts.errors import ConfigError
from contracts.files import storage, write_durably
from contracts.wire import Utc, Wire
from dataset.layout import read_small
from trainer.push.place import LARGEST, Place
from trainer.registry.keys import PUBLIC, SECRET, SigningKey, open_key, read_public, seal_key

ONLINE, ASSIGNMENT, TARGETS = "online", "assignment", "targets"
ROOT_VARIABLE = "VEDETTE_ROOT_PASSPHRASE"


class OpenKey(Wire):
    """Of a program that signs by itself."""

    kind: Literal["vedette-open-key"] = "vedette-open-key"
    secret: str = Field(pattern=HEX64)


class Gone(Wire):
    """A key that counts no more, and why."""

    keyid: str = Field(pattern=HEX64)
    role: str
    why: str
    at: Utc


BOOK = TypeAdapter(list[Gone])


def make_open_key(path: Path, random: Callable[[int], bytes] = os.urandom) -> SigningKey:
    """Whatever was there is replaced: who asks has it taken out of what counts."""
    secret = random(32)
    write_durably(path, OpenKey(secret=secret.hex()).model_dump_json(indent=1).encode() + b"\n", mode=0o600)
    return SigningKey(secret)


def open_plain(path: Path) -> SigningKey:
    if not path.is_file():
        raise ConfigError(f"key {path}: is not there; `vedette-trainer keys rotate {path.stem}` makes a new one")
    with storage(path):
        mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigError(f"key {path}: others may read it (mode {mode:o}); chmod 600 it, and revoke it if they did")
    try:
        return SigningKey(bytes.fromhex(OpenKey.model_validate_json(read_small(path, LARGEST)).secret))
    except ValidationError as error:
        raise ConfigError(f"key {path}: is none: {first_fault(error)}; bring back its copy, or rotate it") from error


def online_key(place: Place) -> SigningKey:
    return open_plain(place.keys / f"{ONLINE}{SECRET}")


def assignment_key(place: Place) -> SigningKey:
    return open_plain(place.keys / f"{ASSIGNMENT}{SECRET}")


def targets_key(place: Place, passphrase: str) -> SigningKey:
    path = place.keys / f"{TARGETS}{SECRET}"
    if not path.is_file():
        raise ConfigError(f"key {path}: is not there; bring it here to release something")
    return open_key(path, passphrase)


def make_root_key(folder: Path, passphrase: str, random: Callable[[int], bytes] = os.urandom) -> SigningKey:
    """In a folder that is taken away afterwards."""
    temporary = folder / f"root-new{SECRET}"
    for left in (temporary, temporary.with_suffix(PUBLIC)):
        left.unlink(missing_ok=True)  # of a ceremony that was broken off: it signed nothing that was published
    public = seal_key(temporary, passphrase, random)
    path = folder / f"root-{public.keyid[:16]}{SECRET}"
    with storage(folder):
        temporary.with_suffix(PUBLIC).rename(path.with_suffix(PUBLIC))
        temporary.rename(path)
    return open_key(path, passphrase)


def root_keys(folders: Sequence[Path], keyids: Sequence[str], passphrase: str) -> list[tuple[Path, SigningKey]]:
    """Those of the folders that count now, each with its folder."""
    found = []
    for folder in folders:
        for path in sorted(folder.glob(f"root-*{PUBLIC}")):
            if read_public(path).keyid in keyids:
                found.append((folder, open_key(path.with_suffix(SECRET), passphrase)))
    return found


def tuf_key(public: PublicKey) -> Key:
    return Key.from_dict(public.keyid, {**public.model_dump(exclude={"keyval"}), "keyval": {"public": public.keyval.public}})


def signed(metadata: Metadata[T], keys: Sequence[SigningKey]) -> bytes:
    """The file, signed by these and nobody else."""
    body = metadata.signed_bytes
    metadata.signatures.clear()
    for key in keys:
        keyid = key.public.keyid
        metadata.signatures[keyid] = Signature(keyid, key.sign(body).hex())
    return metadata.to_bytes()


def gone(place: Place) -> list[Gone]:
    path = place.keys / "revoked.json"
    return BOOK.validate_json(read_small(path, LARGEST)) if path.exists() else []


def note_gone(place: Place, keyid: str, role: str, why: str, at: datetime) -> None:
    book = [*gone(place), Gone(keyid=keyid, role=role, why=why[:1000], at=at)]
    write_durably(place.keys / "revoked.json", BOOK.dump_json(book, indent=1) + b"\n")
