"""Receipts: whether what a box says it accepted was signed by the key it showed when it introduced itself."""

from __future__ import annotations

import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from contracts.dsse import PublicKey
from contracts.update import ConfigRevision, Model, Receipt, SignedReceipt, UpdateReport


def signed_by_box(receipt: SignedReceipt, info: str | None, report: UpdateReport, what: Model | ConfigRevision) -> bool | None:
    """None: nothing is known of the box's key, so it is taken at its word."""
    key = key_of(info)
    if key is None:
        return None
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.keyval.public))
        public.verify(bytes.fromhex(receipt.sig.sig), receipt.payload.encode())
        said = Receipt.model_validate_json(receipt.payload)
    except (InvalidSignature, ValueError, RecursionError):  # pydantic's is a ValueError
        return False
    accepted = said.model if isinstance(what, Model) else said.config
    return (accepted, said.rollout, said.seq) == (what, report.rollout, report.seq)


def key_of(info: str | None) -> PublicKey | None:
    """Of up/info as it came; None: it says none."""
    try:
        said = json.loads(info or "{}")["data"]["key"]
        return PublicKey.model_validate(said)
    except (ValueError, KeyError, TypeError, ValidationError, RecursionError):
        return None
