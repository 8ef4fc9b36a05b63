"""Bundles: a model with all that belongs to it, read from a folder or a .vdb file and believed only as far as its hashes go."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from contracts.bundle import MANIFEST, Bundle, Entry
from contracts.errors import BundleError
from vision.bundle_members import MAX_BUNDLE_BYTES, MAX_MANIFEST_BYTES, Members, open_members
from vision.bundle_reader import Reader


@dataclass(frozen=True, slots=True)
class StoredBundle:
    """A bundle on disk whose every file was checked. Reading checks again: what was verified is what is used."""

    path: Path
    digest: str  # sha256: and the hash of bundle.json, which has the hash of everything else
    manifest: Bundle
    members: Members

    def model(self) -> bytes:
        return self._bytes(self.manifest.model)

    def read(self, path: str) -> bytes:
        """One of the other files, e.g. CARD.md or a golden image."""
        for entry in self.manifest.files:
            if entry.path == path:
                return self._bytes(entry)
        raise BundleError(f"bundle {self.path}: {path} is not listed in {MANIFEST}; name one of its files")

    def reading(self) -> AbstractContextManager[Reader]:
        """The model, for who wants to know some of it without running it; not checked again."""
        return self.members.reading(self.manifest.model.path)

    def check(self) -> None:
        """Every file, by the MiB: a bundle of any size needs no more memory than a small one."""
        for entry in (self.manifest.model, *self.manifest.files):
            for _ in self.stream(entry):
                pass

    def stream(self, entry: Entry) -> Iterator[bytes]:
        """One of its files by the MiB; BundleError at the end when it is not what was listed."""
        digest, size = hashlib.sha256(), 0
        for piece in self.members.stream(entry.path, MAX_BUNDLE_BYTES):
            digest.update(piece)
            size += len(piece)
            yield piece
        self._agree(entry, size, digest.hexdigest())

    def _bytes(self, entry: Entry) -> bytes:
        data = self.members.read(entry.path, MAX_BUNDLE_BYTES)
        self._agree(entry, len(data), hashlib.sha256(data).hexdigest())
        return data

    def _agree(self, entry: Entry, size: int, digest: str) -> None:
        if size != entry.size:
            raise self._refusal(entry.path, f"has {size} bytes, {MANIFEST} says {entry.size}")
        if digest != entry.sha256:
            raise self._refusal(entry.path, f"has SHA-256 {digest}, {MANIFEST} says {entry.sha256}")

    def _refusal(self, path: str, what: str) -> BundleError:
        return BundleError(f"bundle {self.path}: {path} {what}; make or fetch the bundle again")


def read_bundle(path: Path | str) -> StoredBundle:
    """A folder or an uncompressed zip; every file is there, of the size and SHA-256 its manifest states."""
    where = Path(path)
    members = open_members(where)
    raw = members.read(MANIFEST, MAX_MANIFEST_BYTES)
    manifest = _manifest(where, raw)
    entries = (manifest.model, *manifest.files)
    total = sum(entry.size for entry in entries)
    if total > MAX_BUNDLE_BYTES:
        raise BundleError(f"bundle {where}: says it holds {total} bytes, at most {MAX_BUNDLE_BYTES} are allowed; make it smaller")
    members.check_listed({entry.path for entry in entries})
    bundle = StoredBundle(where, digest_of(raw), manifest, members)
    bundle.check()
    return bundle


def digest_of(manifest: bytes) -> str:
    return f"sha256:{hashlib.sha256(manifest).hexdigest()}"


def _manifest(path: Path, raw: bytes) -> Bundle:
    try:
        return Bundle.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(c if c.isprintable() else "?" for c in ".".join(map(str, first["loc"]))) or "the whole"
        raise BundleError(f"bundle {path}: {MANIFEST}: {where}: {first['msg']}; correct it or make the bundle again") from error
