"""Certificate: the page's own, signed by nobody else, for a box to which its owner gave none: known by its fingerprint."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from contracts.errors import StorageError
from contracts.files import refuse_links, storage, write_durably
from device.clock import Clock

log = logging.getLogger(__name__)
FILE, SHOWN = Path("config/page.pem"), Path("config/page.crt")  # in the data folder: with its key, and without for whoever trusts it
LARGEST = 64 << 10
DAYS, LEFT_DAYS = 820, 30  # Apple's browsers take none of more than 825 days
EARLIER = timedelta(days=1)  # a visitor's clock may be a little behind
OLDEST = datetime(2026, 1, 1, tzinfo=timezone.utc)  # before this was written: such a clock is not set
SAID = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Known:
    """What of a certificate matters here."""

    fingerprint: str  # SHA-256, as browsers show it
    begins: datetime
    ends: datetime
    names: frozenset[str]


class OwnCertificate:
    """`names`: host names and addresses under which the page is reached. Used by one thread at a time."""

    def __init__(self, data: Path, names: Sequence[str], clock: Clock) -> None:
        said = (name.lower().partition("%")[0] for name in names)  # without the interface of an address: certificates know none
        self._data, self._names, self._clock = data, tuple(dict.fromkeys(filter(_can_be_said, said))), clock
        self.path = data / FILE

    def made(self) -> Known:
        """At a start: the one there is, as long as it serves this box, else a new one; on the disk when it returns. A disk that takes
        none keeps no box from starting that has one."""
        known = read(self._data)
        if known is not None and self._in_time(known) and self._says_where(known):
            return known
        try:
            return self._make()
        except StorageError as error:
            if known is None:
                raise
            log.warning("the page keeps the certificate that it has", extra={"reason": str(error)})
            return known

    def renewed(self) -> Known | None:
        """While it runs: a new one where the old one ends soon. Its names are those of the start: who has accepted one is not asked
        again because an address came."""
        known = read(self._data)
        return None if known is not None and self._in_time(known) else self._make()

    def _now(self) -> datetime | None:
        """None: the clock is not set, as that of a board without a battery."""
        now = datetime.fromtimestamp(self._clock.wall_ns() / 1e9, timezone.utc)
        return now if now >= OLDEST else None

    def _in_time(self, known: Known) -> bool:
        now = self._now()
        return now is None or known.begins <= now < known.ends - timedelta(days=LEFT_DAYS)

    def _says_where(self, known: Known) -> bool:
        """Its host's name, and one of the addresses that it has now: they come and go."""
        addresses = {name for name in self._names if _is_address(name) and not ip_address(name).is_loopback}
        named = {name for name in self._names if not _is_address(name)}
        return named <= known.names and (not addresses or bool(addresses & known.names))

    def _make(self) -> Known:
        key = generate_private_key(SECP256R1())
        begins = (self._now() or OLDEST + EARLIER) - EARLIER
        certificate = _signed(key, self._names, begins)
        public = certificate.public_bytes(Encoding.PEM)
        refuse_links(self._data, self.path)
        write_durably(self.path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + public, 0o600)
        write_durably(self._data / SHOWN, public, 0o644)
        known = _known(certificate)
        log.info("the page has a certificate of its own", extra={"fingerprint": known.fingerprint, "until": f"{known.ends:%Y-%m-%d}"})
        return known


def read(data: Path) -> Known | None:
    """None: there is none, or not a whole one. StorageError where it may not be looked at."""
    path = data / FILE
    refuse_links(data, path)
    try:
        with storage(path), path.open("rb") as file:
            pem = file.read(LARGEST)
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    try:
        certificate, key = x509.load_pem_x509_certificate(pem), load_pem_private_key(pem, None)
        mine = isinstance(key, EllipticCurvePrivateKey) and key.public_key() == certificate.public_key()
        return _known(certificate) if mine else None
    except (ValueError, TypeError, x509.ExtensionNotFound):
        return None


def fingerprint(data: Path) -> str:
    """Of the certificate that the page shows, if it is its own; empty where there is none, or it may not be looked at."""
    try:
        known = read(data)
    except StorageError:
        return ""
    return known.fingerprint if known else ""


def _known(certificate: x509.Certificate) -> Known:
    said = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    names = {*said.get_values_for_type(x509.DNSName), *map(str, said.get_values_for_type(x509.IPAddress))}
    text = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return Known(text, _utc(certificate, "before"), _utc(certificate, "after"), frozenset(names))


def _utc(certificate: x509.Certificate, which: str) -> datetime:
    return certificate.not_valid_before_utc if which == "before" else certificate.not_valid_after_utc


def _signed(key: EllipticCurvePrivateKey, names: Sequence[str], begins: datetime) -> x509.Certificate:
    """Its own authority and nobody else's (RFC 5280): whoever trusts it trusts this page alone."""
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, next((n for n in names if not _is_address(n)), "vedette")[:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([_host(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _host(name: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(name)) if _is_address(name) else x509.DNSName(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _can_be_said(name: str) -> bool:
    return _is_address(name) or bool(SAID.fullmatch(name))
