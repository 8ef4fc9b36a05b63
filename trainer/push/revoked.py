"""Revoked: certificates of boxes that count no more, out of a list that is read anew when it changes."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from cryptography import x509

from contracts.errors import ConfigError

log = logging.getLogger(__name__)
BEGIN = b"-----BEGIN X509 CRL-----"
END = b"-----END X509 CRL-----"
LIST = re.compile(re.escape(BEGIN) + b".+?" + re.escape(END), re.DOTALL)
MOST_BYTES = 32 << 20
Each = tuple[bytes, int]  # who signed it, and its number
Changed = tuple[int, int, int]


class Revoked:
    """The file is what the broker has as `crlfile`. A list is believed when an authority of the boxes signed it, and counts on when it is
    out of date: what was revoked stays so. A new one that cannot be read changes nothing, and is said."""

    def __init__(self, path: Path, authorities: Path) -> None:
        self._path = path
        self._authorities = _certificates(authorities)
        self._changed = self._look_at()
        self._gone = self._read()

    def look(self) -> bool:
        """Whether it changed; every second or so."""
        changed = self._look_at()
        if changed == self._changed:
            return False
        self._changed = changed
        try:
            self._gone = self._read()
        except ConfigError as error:
            log.error("%s; the list before counts on", error)
            return False
        log.info("revoked certificates read anew", extra={"path": str(self._path), "count": len(self._gone)})
        return True

    def has(self, transport: Any) -> bool:
        """Whoever is at the other end of it, after TLS was agreed on."""
        tls = transport.get_extra_info("ssl_object")
        shown = None if tls is None else tls.getpeercert(binary_form=True)
        if shown is None:
            return False
        certificate = x509.load_der_x509_certificate(shown)
        return (certificate.issuer.public_bytes(), certificate.serial_number) in self._gone

    def _look_at(self) -> Changed | None:
        """None: it is not there."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> frozenset[Each]:
        try:
            with self._path.open("rb") as file:
                text = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise self._refusal(error.strerror or str(error)) from error
        lists = LIST.findall(text)
        if not lists or text.count(BEGIN) != len(lists) or len(text) > MOST_BYTES:
            raise self._refusal("is no list of revoked certificates, or only a part of one")
        return frozenset(each for pem in lists for each in self._listed(pem))

    def _listed(self, pem: bytes) -> list[Each]:
        try:
            found = x509.load_pem_x509_crl(pem)
            signed = any(found.issuer == each.subject and found.is_signature_valid(each.public_key()) for each in self._authorities)  # type: ignore[arg-type]
            listed = [(found.issuer.public_bytes(), each.serial_number) for each in found]
        except (ValueError, TypeError) as error:  # TypeError: a key that signs nothing
            raise self._refusal("is no list of revoked certificates") from error
        if not signed:
            raise self._refusal("is not signed by the authority of --client-ca")
        return listed

    def _refusal(self, why: str) -> ConfigError:
        return ConfigError(f"push serve: --crl {self._path}: {why}; give `pki/revoked.pem` of the authority that signs the boxes")


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"push serve: --client-ca {path}: cannot be read; give the authority's certificate, PEM") from error
