"""Keys of those who sign bundles: Ed25519, sealed under a passphrase in a file only its owner reads; the public part lies beside it."""

from __future__ import annotations

import base64
import getpass
import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import Field, ValidationError

from contracts.bundle import HEX64
from contracts.dsse import Base64, KeyValue, PublicKey
from contracts.envelope import first_fault
from contracts.errors import ConfigError
from contracts.files import storage, write_durably
from contracts.wire import Wire
from dataset.layout import read_small
from trainer.home import Home, named

VARIABLE = "VEDETTE_KEY_PASSPHRASE"
SECRET, PUBLIC = ".key", ".pub"
LEAST_LETTERS = 8
LARGEST = 16 << 10
ROUNDS = (1 << 15, 8, 1)  # of scrypt (RFC 7914): 32 MiB and about a tenth of a second for each guess
SCRYPT_BYTES = 256 << 20
_Wire = TypeVar("_Wire", bound=Wire)


class SealedKey(Wire):
    """A key file. What it says of scrypt is bounded, so that a planted one takes neither all memory nor all day."""

    kind: Literal["vedette-key"] = "vedette-key"
    v: Literal[1] = 1
    public: str = Field(pattern=HEX64)
    n: int = Field(ge=1 << 14, le=1 << 18)
    r: int = Field(ge=8, le=8)
    p: int = Field(ge=1, le=4)
    salt: Base64
    nonce: Base64
    sealed: Base64


class SigningKey:
    """Opened: it signs."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = PublicKey(keyval=KeyValue(public=public.hex()))

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def make_key(home: Home, name: str, passphrase: str, random: Callable[[int], bytes] = os.urandom) -> PublicKey:
    """Writes `<name>.key` and `<name>.pub` into the home's keys. ConfigError: the name is taken, the passphrase too short."""
    return seal_key(named(home.keys, name, SECRET), passphrase, random)


def seal_key(path: Path, passphrase: str, random: Callable[[int], bytes] = os.urandom) -> PublicKey:
    """Writes `path`, which ends with `.key`, and its public part beside it. ConfigError as above."""
    name = path.stem
    if path.exists():
        raise ConfigError(f"key {name}: is there already, and what it signed is known by it; choose another name")
    if len(passphrase) < LEAST_LETTERS:
        raise ConfigError(f"key {name}: the passphrase has {len(passphrase)} letters; take at least {LEAST_LETTERS}")
    secret, salt, nonce = random(32), random(16), random(12)
    key = SigningKey(secret)
    sealed = ChaCha20Poly1305(_stretched(passphrase, salt, ROUNDS)).encrypt(nonce, secret, key.public.keyval.public.encode())
    n, r, p = ROUNDS
    said = SealedKey(public=key.public.keyval.public, n=n, r=r, p=p, salt=_text(salt), nonce=_text(nonce), sealed=_text(sealed))
    write_durably(path, said.model_dump_json(indent=1).encode() + b"\n", mode=0o600)
    write_durably(path.with_name(name + PUBLIC), key.public.model_dump_json(indent=1).encode() + b"\n", mode=0o644)
    return key.public


def open_key(path: Path, passphrase: str) -> SigningKey:
    """ConfigError: not a key, open to others, or another passphrase."""
    sealed = _read(path, SealedKey, "key")
    with storage(path):
        mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigError(f"key {path}: others may read it (mode {mode:o}); chmod 600 it, and make a new one if they did")
    stretched = _stretched(passphrase, _bytes(sealed.salt), (sealed.n, sealed.r, sealed.p))
    try:
        secret = ChaCha20Poly1305(stretched).decrypt(_bytes(sealed.nonce), _bytes(sealed.sealed), sealed.public.encode())
        return SigningKey(secret)
    except (InvalidTag, ValueError) as error:
        raise ConfigError(f"key {path}: does not open with this passphrase; give the one it was made with ({VARIABLE} or typed)") from error


def read_public(path: Path) -> PublicKey:
    return _read(path, PublicKey, "public key")


def key_path(home: Home, name: str) -> Path:
    """By the name of a key of the home, or by a path with a slash."""
    path = Path(name) if "/" in name else named(home.keys, name.removesuffix(SECRET), SECRET)
    if not path.is_file():
        raise ConfigError(f"key {name}: is not there; make one with `vedette-trainer keys make {Path(name).stem}`")
    return path


def public_keys(home: Home) -> Iterator[tuple[str, PublicKey]]:
    """Everybody whose signature is believed here: each `.pub` in the home's keys, by its name."""
    for path in sorted(home.keys.glob(f"*{PUBLIC}")):
        yield path.stem, read_public(path)


def passphrase(twice: bool = False, variable: str = VARIABLE, of: str = "") -> str:
    """Of the environment, else asked for; ConfigError where nobody can be asked."""
    given = os.environ.get(variable)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise ConfigError(f"passphrase{of}: nobody is here to type it; set {variable}")
    typed = getpass.getpass(f"Passphrase{of}: ")
    if twice and getpass.getpass("Again: ") != typed:
        raise ConfigError("passphrase: the two are not the same; begin again")
    return typed


def _read(path: Path, kind: type[_Wire], what: str) -> _Wire:
    try:
        return kind.model_validate_json(read_small(path, LARGEST))
    except (ValidationError, RecursionError) as error:
        raise ConfigError(f"{what} {path}: is none: {first_fault(error)}; give a file that `vedette-trainer keys make` wrote") from error


def _stretched(passphrase: str, salt: bytes, rounds: tuple[int, int, int]) -> bytes:
    n, r, p = rounds
    return hashlib.scrypt(passphrase.encode(), salt=salt, n=n, r=r, p=p, maxmem=SCRYPT_BYTES + (1 << 20), dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
