"""Signing: who made a bundle, said in a DSSE envelope beside it. What may run on a box is not decided here."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from contracts.canonical import canonical
from contracts.dsse import MAX_ENVELOPE_BYTES, PAYLOAD_TYPE, SUFFIX, BundleStatement, DsseEnvelope, DsseSignature, PublicKey, signed_bytes
from contracts.envelope import first_fault
from contracts.errors import BundleError, ConfigError, StorageError
from contracts.files import storage, write_durably
from dataset.layout import read_small
from trainer.registry.keys import SigningKey
from vision.bundle import StoredBundle

PIECE = 1 << 20


def envelope_path(bundle: Path) -> Path:
    return bundle.with_name(bundle.stem + SUFFIX)


def statement_of(stored: StoredBundle) -> BundleStatement:
    """ConfigError for a folder: what is signed is one file, byte for byte."""
    if not stored.path.is_file():
        raise ConfigError(f"bundle {stored.path}: is a folder; what is signed is the one file that `bundle make` writes")
    digest, size = file_hash(stored.path)
    manifest = stored.manifest
    return BundleStatement(
        digest=stored.digest,
        file=digest,
        size=size,
        name=manifest.name,
        version=manifest.version,
        root=manifest.dataset,
        draft=manifest.draft,
    )


def sign_bundle(stored: StoredBundle, key: SigningKey) -> Path:
    """The envelope, beside the bundle. Those who signed the same statement before stay in it; the same key gives the same bytes."""
    body = canonical(statement_of(stored).model_dump(mode="json"))
    path = envelope_path(stored.path)
    signature = DsseSignature(keyid=key.public.keyid, sig=_text(key.sign(signed_bytes(PAYLOAD_TYPE, body))))
    others = [each for each in _signatures(path, body) if each.keyid != key.public.keyid]
    both = sorted([*others, signature], key=lambda each: each.keyid)
    envelope = DsseEnvelope(payload=_text(body), payloadType=PAYLOAD_TYPE, signatures=both)
    write_durably(path, envelope.model_dump_json(indent=1).encode() + b"\n")
    return path


def signers(stored: StoredBundle, trusted: Mapping[str, PublicKey]) -> list[str]:
    """Ids of the keys that signed exactly this file; none: there is no envelope. BundleError for one that is not in order.

    `trusted` by id. Signatures of strangers beside a good one do not matter, as DSSE has it; a wrong one of somebody known does.
    """
    path = envelope_path(stored.path)
    if not path.exists():
        return []
    envelope = read_envelope(path)
    if envelope.payloadType != PAYLOAD_TYPE:
        raise _refusal(path, f"is about something else ({envelope.payloadType[:60]!r})")
    known = [each for each in envelope.signatures if each.keyid in trusted]
    if not known:
        raise _refusal(path, f"unknown signer {envelope.signatures[0].keyid[:16]}: none of the keys trusted here signed it")
    body = envelope.body()
    for each in known:
        _check(path, trusted[each.keyid], each, body)
    _same(path, body, statement_of(stored))
    return sorted({each.keyid for each in known})


def read_envelope(path: Path) -> DsseEnvelope:
    try:
        return DsseEnvelope.model_validate_json(read_small(path, MAX_ENVELOPE_BYTES))
    except StorageError as error:
        raise _refusal(path, f"cannot be read: {error}") from error
    except (ValidationError, RecursionError) as error:
        raise _refusal(path, f"is no envelope: {first_fault(error)}") from error


def file_hash(path: Path) -> tuple[str, int]:
    """SHA-256 and size, in flat memory."""
    digest, size = hashlib.sha256(), 0
    with storage(path), path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size


def _check(path: Path, key: PublicKey, signature: DsseSignature, body: bytes) -> None:
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.keyval.public))
        public.verify(base64.b64decode(signature.sig), signed_bytes(PAYLOAD_TYPE, body))
    except (InvalidSignature, ValueError) as error:
        raise _refusal(path, f"the signature of {signature.keyid[:16]} is wrong") from error


def _same(path: Path, body: bytes, wanted: BundleStatement) -> None:
    try:
        said = BundleStatement.model_validate_json(body)
    except (ValidationError, RecursionError) as error:
        raise _refusal(path, f"what is signed is no statement about a bundle: {first_fault(error)}") from error
    for name in ("digest", "file", "size", "name", "version", "root", "draft"):
        told, there = getattr(said, name), getattr(wanted, name)
        if told != there:
            raise _refusal(path, f"is of another bundle: its {name} is {str(told)[:80]}, not {there}")


def _signatures(path: Path, body: bytes) -> list[DsseSignature]:
    """Of an envelope that says the same; one of another statement makes way."""
    if not path.exists():
        return []
    there = read_envelope(path)
    return there.signatures if there.payloadType == PAYLOAD_TYPE and there.body() == body else []


def _refusal(path: Path, what: str) -> BundleError:
    return BundleError(f"signature {path}: {what}; do not use the bundle until you know who made it")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
