"""Identity: the key of this box, made at its first start; it signs what the box accepted."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from contracts.dsse import KeyValue, PublicKey
from contracts.errors import StorageError
from contracts.files import refuse_links, storage, write_durably
from contracts.update import Receipt, SignedReceipt, UpdateSignature

log = logging.getLogger(__name__)
SECRET = 0o600
KEY_BYTES = 32


class Identity:
    """The file holds the secret as hex, for the service's user alone. A new disk is a new box."""

    def __init__(self, path: Path) -> None:
        self._key = _read(path) or _made(path)
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = PublicKey(keyval=KeyValue(public=public.hex()))

    def sign(self, receipt: Receipt) -> SignedReceipt:
        payload = receipt.model_dump_json()
        signature = self._key.sign(payload.encode()).hex()
        return SignedReceipt(payload=payload, sig=UpdateSignature(keyid=self.public.keyid, sig=signature))


def _read(path: Path) -> Ed25519PrivateKey | None:
    refuse_links(path.parent, path)
    with storage(path):
        if not path.exists():
            return None
        text = path.read_bytes()[: 4 * KEY_BYTES]
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text.decode().strip()))
    except ValueError as error:
        mend = "put its copy back, or remove it and the box gets a new key, which the trainer must be told"
        raise StorageError(f"{path}: is not the key of a box; {mend}") from error


def _made(path: Path) -> Ed25519PrivateKey:
    secret = os.urandom(KEY_BYTES)
    write_durably(path, secret.hex().encode(), SECRET)
    log.info("this box has a key of its own now", extra={"path": str(path)})
    return Ed25519PrivateKey.from_private_bytes(secret)
