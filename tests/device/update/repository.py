"""A real repository: real keys, real TUF metadata with consistent snapshots, bundles as targets, signed assignments."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from contracts.dsse import KeyValue, PublicKey
from contracts.update import (
    CONFIG,
    RELEASE,
    Assignment,
    AssignmentKeys,
    ConfigRevision,
    Facts,
    Model,
    Release,
    SignedAssignment,
    UpdateSignature,
)
from vision.bundle import StoredBundle
from vision.bundle_chunks import chunks_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)
ROLES = ("root", "targets", "snapshot", "timestamp")


def public_of(signer: CryptoSigner) -> PublicKey:
    key = PublicKey(keyval=KeyValue(public=signer.public_key.keyval["public"]))
    assert key.keyid == signer.public_key.keyid  # one key has one id everywhere
    return key


def facts_of(bundle: StoredBundle, **said: Any) -> Facts:
    manifest = bundle.manifest
    return Facts.model_validate(
        {"task": manifest.task, "input": manifest.input, "head": manifest.head.kind, "labels": manifest.labels, "opset": 17, **said}
    )


@dataclass
class Repository:
    """`folder` is served as it is: metadata/, targets/, desired/. One key for snapshot and timestamp, as it is online."""

    folder: Path
    expires: timedelta = timedelta(days=30)
    signers: dict[str, CryptoSigner] = field(default_factory=dict)
    targets: dict[str, TargetFile] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ROLES, 0))
    seq: int = 0

    def __post_init__(self) -> None:
        online = CryptoSigner.generate_ed25519()
        root, targets = CryptoSigner.generate_ed25519(), CryptoSigner.generate_ed25519()
        self.signers = {"root": root, "targets": targets, "snapshot": online, "timestamp": online}
        self.assigner = CryptoSigner.generate_ed25519()
        for name in ("metadata", "targets", "desired"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.new_root()
        self.publish()

    # ---- the offline half

    @property
    def root(self) -> bytes:
        """What a box is provisioned with."""
        return (self.folder / "metadata" / "1.root.json").read_bytes()

    @property
    def keys(self) -> AssignmentKeys:
        return AssignmentKeys(version=1, keys=[public_of(self.assigner)])

    def new_root(self, also: CryptoSigner | None = None, expires: datetime = NOW + timedelta(days=730)) -> None:
        """The next one, signed by its own key and, after a rotation, by the one before."""
        self.versions["root"] += 1
        root = Root(version=self.versions["root"], expires=expires, consistent_snapshot=True)
        for role, signer in self.signers.items():
            root.add_key(signer.public_key, role)
        metadata = Metadata(root)
        metadata.sign(self.signers["root"])
        if also is not None:
            metadata.sign(also, append=True)
        self._write(f"{self.versions['root']}.root.json", metadata)

    def release(self, bundle: StoredBundle, facts: Facts | None = None, *, listed: bool = True, **custom: Any) -> Model:
        """The file becomes a target; nothing is published before `publish`. `listed` False: its bytes lie there, nobody signed them."""
        data, manifest = bundle.path.read_bytes(), bundle.manifest
        target = TargetFile.from_data("x", data, ["sha256"])
        sha256 = target.hashes["sha256"]
        name = f"models/{manifest.name}/{manifest.name}-{manifest.version}-{sha256[:12]}.vdb"
        whole = facts or facts_of(bundle)
        release = Release(digest=bundle.digest, name=manifest.name, version=manifest.version, chunks=chunks_of(bundle.path), facts=whole)
        said = {RELEASE: json.dumps({**release.model_dump(mode="json"), **custom})}
        if listed:
            self.targets[name] = TargetFile(len(data), target.hashes, name, {"custom": said})
        place = self.folder / "targets" / Path(name).parent / f"{sha256}.{Path(name).name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle.path, place)
        return Model(target=name, digest=bundle.digest, sha256=sha256, length=len(data), name=manifest.name, version=manifest.version)

    def release_config(self, text: str, rev: int = 1, *, length: int | None = None) -> ConfigRevision:
        """As a bundle, with a number. `length`: as it is signed, when it is not true."""
        data = text.encode()
        target = TargetFile.from_data("x", data, ["sha256"])
        sha256 = target.hashes["sha256"]
        name = f"configs/shop/shop-{rev}-{sha256[:12]}.yaml"
        about = {"custom": {CONFIG: json.dumps({"name": "shop", "rev": rev})}}
        self.targets[name] = TargetFile(length or len(data), target.hashes, name, about)
        place = self.folder / "targets" / "configs" / "shop" / f"{sha256}.{Path(name).name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return ConfigRevision(rev=rev, target=name, sha256=sha256, length=length or len(data))

    # ---- the online half

    def publish(self, *, targets_signer: CryptoSigner | None = None, expires: datetime | None = None, now: datetime = NOW) -> None:
        """Targets by their own key; snapshot and timestamp by the online one, for as long as is usual."""
        until = now + timedelta(days=365)
        self.versions["targets"] += 1
        targets = Metadata(Targets(version=self.versions["targets"], expires=until, targets=dict(self.targets)))
        targets.sign(targets_signer or self.signers["targets"])
        self._write(f"{self.versions['targets']}.targets.json", targets)
        self.freshen(expires=expires or now + self.expires)

    def freshen(self, *, expires: datetime | None = None, signer: CryptoSigner | None = None) -> None:
        """What the online key does by itself: a new snapshot and timestamp over the targets that lie there."""
        until = expires or NOW + self.expires
        for role in ("snapshot", "timestamp"):
            self.versions[role] += 1
        data = (self.folder / "metadata" / f"{self.versions['targets']}.targets.json").read_bytes()
        meta = {"targets.json": MetaFile.from_data(self.versions["targets"], data, ["sha256"])}
        snapshot = Metadata(Snapshot(version=self.versions["snapshot"], expires=until, meta=meta))
        snapshot.sign(signer or self.signers["snapshot"])
        written = self._write(f"{self.versions['snapshot']}.snapshot.json", snapshot)
        file = MetaFile.from_data(self.versions["snapshot"], written, ["sha256"])
        timestamp = Metadata(Timestamp(version=self.versions["timestamp"], expires=until, snapshot_meta=file))
        timestamp.sign(signer or self.signers["timestamp"])
        self._write("timestamp.json", timestamp)

    def _write(self, name: str, metadata: Metadata[Any]) -> bytes:
        data = metadata.to_bytes()
        (self.folder / "metadata" / name).write_bytes(data)
        return data

    # ---- who runs it

    def assign(self, model: Model | None, device: str = "edge01", *, by: CryptoSigner | None = None, **said: Any) -> bytes:
        """A signed assignment; `seq` counts up unless it is given."""
        self.seq += 1
        whole = {"device": device, "seq": self.seq, "rollout": "r1", "expires": NOW + timedelta(days=7), "model": model, **said}
        return sign(Assignment.model_validate(whole).model_dump_json(), by or self.assigner)


def sign(payload: str, *signers: CryptoSigner) -> bytes:
    sigs = [UpdateSignature(keyid=s.public_key.keyid, sig=s.sign(payload.encode()).signature) for s in signers]
    return SignedAssignment(payload=payload, sigs=sigs).model_dump_json().encode()


def changed(raw: bytes, **said: Any) -> bytes:
    """The payload altered under the signatures it has."""
    whole = json.loads(raw)
    whole["payload"] = json.dumps({**json.loads(whole["payload"]), **said})
    return json.dumps(whole).encode()
