"""DSSE: who made a bundle: a signed statement in an envelope that lies beside the zip, and the keys of those who sign."""

from __future__ import annotations

import base64
import binascii
import json
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from contracts.bundle import HEX64
from contracts.wire import Wire

PAYLOAD_TYPE = "application/vnd.vedette.bundle+json"
SUFFIX = ".dsse.json"  # in the place of the bundle's own
MAX_ENVELOPE_BYTES = 64 << 10
MAX_SIGNATURES = 16
DIGEST = rf"^sha256:{HEX64[1:]}"


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("is not base64") from error
    return text


Base64 = Annotated[str, Field(max_length=48 << 10), AfterValidator(_base64)]


class KeyValue(Wire):
    public: str = Field(pattern=HEX64, description="32 bytes of an Ed25519 public key, hex")


class PublicKey(Wire):
    """As TUF's metadata has it, so that one key has one id everywhere."""

    keytype: Literal["ed25519"] = "ed25519"
    scheme: Literal["ed25519"] = "ed25519"
    keyval: KeyValue

    @property
    def keyid(self) -> str:
        said = {"keytype": self.keytype, "keyval": {"public": self.keyval.public}, "scheme": self.scheme}
        return sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class DsseSignature(Wire):
    keyid: str = Field(pattern=HEX64)
    sig: Base64


class DsseEnvelope(Wire):
    """https://github.com/secure-systems-lab/dsse, version 1.0.2: the payload is signed as the bytes it is, and never written anew."""

    payload: Base64
    payloadType: str = Field(max_length=200)  # noqa: N815  the name is the standard's
    signatures: list[DsseSignature] = Field(min_length=1, max_length=MAX_SIGNATURES)

    def body(self) -> bytes:
        return base64.b64decode(self.payload, validate=True)


class BundleStatement(Wire):
    """What is signed: that this bundle, byte for byte, was made here under this name. It allows no box to run it."""

    kind: Literal["vedette-bundle"] = "vedette-bundle"
    v: Literal[1] = 1
    digest: str = Field(pattern=DIGEST, description="of bundle.json, which has the hash of everything else")
    file: str = Field(pattern=HEX64, description="SHA-256 of the zip")
    size: int = Field(ge=0, description="bytes of the zip")
    name: str
    version: str
    root: str | None = Field(default=None, description="of the data set it was trained on")
    draft: bool = False


def signed_bytes(payload_type: str, body: bytes) -> bytes:
    """DSSE's pre-authentication encoding: type and body with their lengths, so that neither can be taken for a part of the other."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)
