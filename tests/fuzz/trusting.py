"""Keys and metadata that are always the same, so that a found example says the same tomorrow."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from contracts.dsse import KeyValue, PublicKey
from contracts.update import RELEASE, Assignment, AssignmentKeys, Chunk, Facts, Release, SignedAssignment, UpdateSignature

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)
SIGNER = CryptoSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
KEY = PublicKey(keyval=KeyValue(public=SIGNER.public_key.keyval["public"]))
KEYS = AssignmentKeys(version=1, keys=[KEY])
UNTIL = NOW + timedelta(days=30)
ROLES = ("root", "timestamp", "snapshot", "targets")
DIGEST = "sha256:" + "2" * 64
FACTS: dict[str, Any] = {"task": "detect", "input": {"name": "image", "size": [64, 96]}, "head": "end2end", "labels": ["box"]}


def bytes_of(signed: Any) -> bytes:
    metadata: Metadata[Any] = Metadata(signed)
    metadata.sign(SIGNER)
    return metadata.to_bytes()


def root_of(version: int) -> Root:
    root = Root(version=version, expires=NOW + timedelta(days=730), consistent_snapshot=True)
    for role in ROLES:
        root.add_key(SIGNER.public_key, role)
    return root


def targets_of() -> Targets:
    release = Release(
        digest=DIGEST, name="white-box", version="2.0.0", chunks=[Chunk(size=10, sha256="3" * 64)], facts=Facts.model_validate(FACTS)
    )
    name = "models/white-box/white-box-2.0.0-aaaaaaaaaaaa.vdb"
    custom = {"custom": {RELEASE: release.model_dump_json()}}
    keys = TargetFile(2, {"sha256": "4" * 64}, "keys/assignment.json", {"custom": KEYS.model_dump(mode="json")})
    return Targets(
        version=1, expires=UNTIL, targets={name: TargetFile(10, {"sha256": "3" * 64}, name, custom), "keys/assignment.json": keys}
    )


# what names the file behind it says no hash of it, so that any that is signed is read
GOOD = {
    "root": bytes_of(root_of(1)),
    "next root": bytes_of(root_of(2)),
    "timestamp": bytes_of(Timestamp(version=1, expires=UNTIL, snapshot_meta=MetaFile(1))),
    "snapshot": bytes_of(Snapshot(version=1, expires=UNTIL, meta={"targets.json": MetaFile(1)})),
    "targets": bytes_of(targets_of()),
}


def signed_anew(data: bytes) -> bytes:
    """The same under a good signature, where it is JSON that can be signed; else as it is."""
    from securesystemslib.exceptions import FormatError
    from securesystemslib.formats import encode_canonical

    try:
        whole = json.loads(data)
        signature = SIGNER.sign(encode_canonical(whole["signed"]).encode())
    except (ValueError, KeyError, TypeError, FormatError, RecursionError):
        return data
    return json.dumps({"signatures": [signature.to_dict()], "signed": whole["signed"]}).encode()


def assigned(payload: str) -> bytes:
    signature = UpdateSignature(keyid=KEY.keyid, sig=SIGNER.sign(payload.encode()).signature)
    return SignedAssignment(payload=payload, sigs=[signature]).model_dump_json().encode()


PAYLOAD = Assignment.model_validate({
    "device": "edge01", "seq": 1, "rollout": "r1", "expires": NOW + timedelta(days=7), "not_before": NOW, "mode": "trial",
    "model": {
        "target": "models/white-box/white-box-2.0.0-aaaaaaaaaaaa.vdb", "digest": DIGEST, "sha256": "3" * 64, "length": 10,
        "name": "white-box", "version": "2.0.0",
    },
}).model_dump_json()  # fmt: skip
