"""Authority: a folder with the fleet's root, what it signed, and what counts no more; each of its files written whole or not at all."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field, TypeAdapter, ValidationError

from contracts.errors import ConfigError
from contracts.files import make_folders, storage, write_durably
from contracts.topics import DEVICE, FLEET, SHOWING, reserved
from contracts.wire import Utc, Wire
from trainer.pki.certificates import Signed, make_leaf, make_list, make_root

Kind = Literal["broker", "server", "box", "trainer", "client"]
SERVERS = ("broker", "server")
ROOT, KEY, BOOK, LIST = "ca.pem", "ca.key", "issued.json", "revoked.pem"
VARIABLE = "VEDETTE_PKI_PASSPHRASE"
LEAST_LETTERS = 8
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")
LIST_DAYS = 3650  # mosquitto refuses everybody when its list is out of date; what is revoked is written at once


class Issued(Wire):
    """One certificate: of whom, for what, how long."""

    name: str
    kind: Kind
    serial: Annotated[str, Field(pattern=r"^[0-9a-f]{1,40}$")]
    hosts: list[str] = Field(default_factory=list)
    made: Utc
    until: Utc
    revoked: Utc | None = None
    why: str = ""


BOOKED = TypeAdapter(list[Issued])


class Authority:
    """`make_authority` first. The key is sealed under a passphrase when one was given then, and asked for with each signature."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / ROOT).is_file():
            raise ConfigError(f"{folder}: has no {ROOT}; begin with `vedette-trainer pki init`, or name its folder with --dir")

    def issued(self) -> list[Issued]:
        """All that was ever signed, oldest first."""
        path = self.folder / BOOK
        try:
            return BOOKED.validate_json(path.read_bytes()) if path.exists() else []
        except (OSError, ValidationError) as error:
            raise ConfigError(f"{path}: cannot be read ({type(error).__name__}); bring back its copy before anything is signed") from error

    def sign(self, name: str, kind: Kind, hosts: Sequence[str], days: int, now: datetime, passphrase: bytes | None) -> Path:
        """A new key and certificate for `name`; the folder they are in. What it had before counts on until it is revoked or out of date."""
        _check_name(name, kind)
        for host in hosts:
            if not HOST.fullmatch(host):
                raise ConfigError(f"host {host[:80]!r}: is no name or address; write names such as broker.example or addresses")
        if kind in SERVERS and not hosts:
            raise ConfigError(f"{kind} {name}: say under which names or addresses boxes reach it, with --host")
        with self._alone():
            root = self._root(passphrase)
            until = root.certificate.not_valid_after_utc
            if now + timedelta(days=days) > until:
                raise ConfigError(f"{name}: would outlive the authority, which ends {until:%Y-%m-%d}; give fewer --days, or make a new one")
            leaf = make_leaf(root, name, hosts, now, days, server=kind in SERVERS)
            self._book([*self.issued(), _entry(leaf, name, kind, hosts, now)])
            return self._lay_down(leaf, name)

    def revoke(self, name: str, why: str, now: datetime, passphrase: bytes | None) -> int:
        """All of that name; how many. The broker has to be given the list and told to read it again."""
        with self._alone():
            book = self.issued()
            gone = [each for each in book if each.name == name and each.revoked is None]
            if not gone:
                raise ConfigError(f"{name}: has no certificate that counts; `vedette-trainer pki ls` names those that do")
            root = self._root(passphrase)
            book = [each.model_copy(update={"revoked": now, "why": why}) if each in gone else each for each in book]
            self._book(book)
            self._list(root, book, now)
            return len(gone)

    def _list(self, root: Signed, book: Sequence[Issued], now: datetime) -> None:
        revoked = [(int(each.serial, 16), each.revoked) for each in book if each.revoked is not None]
        write_durably(self.folder / LIST, make_list(root, revoked, now, LIST_DAYS), 0o644)

    def _book(self, book: list[Issued]) -> None:
        """Before the files: what was signed and is not in the book could never be revoked."""
        write_durably(self.folder / BOOK, BOOKED.dump_json(book, indent=1) + b"\n", 0o644)

    def _lay_down(self, leaf: Signed, name: str) -> Path:
        place = self.folder / "issued" / name
        with storage(place):
            make_folders(place)
            place.chmod(0o700)
        write_durably(place / f"{name}.key", leaf.key_pem(), 0o600)
        write_durably(place / f"{name}.pem", leaf.pem(), 0o644)
        write_durably(place / ROOT, (self.folder / ROOT).read_bytes(), 0o644)
        return place

    def _root(self, passphrase: bytes | None) -> Signed:
        certificate = x509.load_pem_x509_certificate((self.folder / ROOT).read_bytes())
        try:
            key = load_pem_private_key((self.folder / KEY).read_bytes(), passphrase)
        except OSError as error:
            raise ConfigError(f"{self.folder / KEY}: {error.strerror}; signing needs it, bring it here") from error
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{self.folder / KEY}: does not open; give its passphrase in {VARIABLE}, if it has one") from error
        if not isinstance(key, EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise ConfigError(f"{self.folder}: {KEY} is not the key of {ROOT}; bring back the pair")
        return Signed(certificate, key)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with storage(self.folder):
            lock = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def make_authority(folder: Path, name: str, days: int, now: datetime, passphrase: bytes | None) -> Authority:
    """A new root with an empty list of what counts no more. ConfigError where there is one: boxes would trust neither."""
    if (folder / ROOT).exists() or (folder / KEY).exists():
        raise ConfigError(f"{folder}: has an authority already; choose another folder for a new one")
    if passphrase is not None and len(passphrase) < LEAST_LETTERS:
        raise ConfigError(f"passphrase: has {len(passphrase)} letters; take at least {LEAST_LETTERS}")
    with storage(folder):
        make_folders(folder)
        folder.chmod(0o700)
    root = make_root(name, now, days)
    write_durably(folder / KEY, root.key_pem(passphrase), 0o600)
    write_durably(folder / LIST, make_list(root, [], now, LIST_DAYS), 0o644)
    write_durably(folder / ROOT, root.pem(), 0o644)
    return Authority(folder)


def _check_name(name: str, kind: Kind) -> None:
    """A box is known to the broker by it: it is the device's name on the wire, and nobody else's."""
    if not re.fullmatch(DEVICE.strip("^$"), name) or name == FLEET:
        raise ConfigError(f"{kind} {name[:80]!r}: is no possible name; use 3 to 40 of a-z, 0-9 and -, and not `{FLEET}`")
    if kind == "box" and reserved(name):
        raise ConfigError(f"box {name}: what the broker lets {name} do is not for a box, it may command them all; choose another name")
    if kind == "client" and name not in SHOWING:
        raise ConfigError(f"client {name}: the broker knows {' and '.join(SHOWING)}; boxes are signed with `pki box`")
    if kind == "trainer" and not name.startswith("trainer"):
        raise ConfigError(f"trainer {name}: must begin with `trainer`, by which the broker knows what it may do")


def _entry(leaf: Signed, name: str, kind: Kind, hosts: Sequence[str], now: datetime) -> Issued:
    made = leaf.certificate
    return Issued(
        name=name, kind=kind, serial=f"{made.serial_number:x}", hosts=list(hosts), made=now.astimezone(timezone.utc),
        until=made.not_valid_after_utc,
    )  # fmt: skip
