"""Slots: bundles on this box by digest, read-only, and three links among them: current, previous, factory, which are never removed."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from contracts.bundle import HEX64
from contracts.dsse import DIGEST
from contracts.errors import BundleError
from contracts.files import make_folders, rename_durably, storage, sync_folder, write_durably
from contracts.wire import Wire
from vision.bundle import StoredBundle, read_bundle
from vision.bundle_chunks import LEAST_BYTES, chunks_of, cut

Link = Literal["current", "previous", "factory"]
LINKS: tuple[Link, ...] = ("current", "previous", "factory")
FILE, LABEL = "bundle.vdb", "slot.json"
NEW, OLD = ".new-", ".old-"  # of a folder that is being made or removed


class SlotLabel(Wire):
    """slot.json: what lies in a slot, without reading all of it."""

    v: Literal[1] = 1
    digest: str = Field(pattern=DIGEST)
    name: str
    version: str
    task: str
    labels: list[str]
    path: str = Field(description="of the file in the slot that others may have pieces of: the bundle itself or its model")


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that are here already, as far as somebody wrote down: they are hashed before they are used."""

    path: Path
    offset: int
    size: int


class Slots:
    """`folder` is `<data>/models`. One thread changes it; links are read by anybody at any time and are whole at each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, digest: str) -> bool:
        return (self._slot(digest) / LABEL).is_file()

    def path(self, digest: str) -> Path:
        """Of the bundle: a file, or a folder."""
        slot = self._slot(digest)
        return slot / FILE if (slot / FILE).is_file() else slot

    def open(self, digest: str) -> StoredBundle:
        """Every byte checked; BundleError when it is not what its slot says."""
        found = read_bundle(self.path(digest))
        if found.digest != digest:
            raise BundleError(f"bundle {self.path(digest)}: has digest {found.digest}; the slot was changed, it is fetched again")
        return found

    def label(self, digest: str) -> SlotLabel | None:
        try:
            return SlotLabel.model_validate_json((self._slot(digest) / LABEL).read_bytes())
        except (OSError, ValidationError):
            return None

    def put(self, bundle: StoredBundle) -> None:
        """The file, fsynced as it is, gets a second name here, and keeps its own. The slot is whole or not there."""
        label = _label(bundle, FILE)
        new = self._begun(bundle.digest)
        with storage(new):
            os.link(bundle.path, new / FILE)
        self._finish(new, label)

    def copy(self, bundle: StoredBundle) -> None:
        """One that comes with the software: what its manifest lists, in a folder."""
        manifest = bundle.manifest
        label = _label(bundle, manifest.model.path)
        new = self._begun(bundle.digest)
        write_durably(new / "bundle.json", bundle.members.read("bundle.json", 1 << 20))
        for entry in (manifest.model, *manifest.files):
            _copied(bundle.stream(entry), new / entry.path)
        self._finish(new, label)

    def adopt(self, bundle: StoredBundle) -> None:
        """The factory's: copied once. With newer software a newer one takes its place, in force too where no pushed model is."""
        if self.label(bundle.digest) is None:
            self.copy(bundle)
        now, before = self.linked("current"), self.linked("factory")
        if now is None or now == before:
            self.link("current", bundle.digest)
        if before != bundle.digest:
            self.link("factory", bundle.digest)

    def linked(self, name: Link) -> str | None:
        """The digest a link names, when the slot is there."""
        try:
            target = str((self.folder / name).readlink())
        except OSError:
            return None
        digest = f"sha256:{target}"
        return digest if re.fullmatch(DIGEST.strip("^$"), digest) and self.has(digest) else None

    def link(self, name: Link, digest: str) -> None:
        """In one step, and on the disk when it returns."""
        with storage(self.folder / name):
            temp = self.folder / f".{name}.tmp"
            temp.unlink(missing_ok=True)
            temp.symlink_to(digest.removeprefix("sha256:"))
            temp.replace(self.folder / name)
            sync_folder(self.folder)

    def flip(self, digest: str) -> None:
        """What is current becomes previous first: at no moment is there none to go back to."""
        now = self.linked("current")
        if now is not None and now != digest:
            self.link("previous", now)
        self.link("current", digest)

    def heal(self) -> str:
        """After a start: half-made folders go, a current that leads nowhere becomes the last good one. What was done, in words."""
        for path in [*self.folder.glob(f"{NEW}*"), *self.folder.glob(f"{OLD}*")]:
            with storage(path):
                _remove(path)
        if self.linked("current") is not None:
            return ""
        for name in ("previous", "factory"):
            if (digest := self.linked(name)) is not None:
                self.link("current", digest)
                return f"the current model was not there; the {name} one is current again"
        return ""

    def collect(self, keep: Sequence[str] = ()) -> list[str]:
        """Slots that no link names, and not those in `keep`, are removed; their digests."""
        kept = {*keep, *(self.linked(name) for name in LINKS)}
        gone = [digest for digest in self.digests() if digest not in kept]
        for digest in gone:
            old = self.folder / f"{OLD}{digest.removeprefix('sha256:')}"
            with storage(old):
                self._slot(digest).replace(old)
                _remove(old)
        return gone

    def digests(self) -> list[str]:
        names = (path.name for path in self.folder.glob("*") if re.fullmatch(HEX64.strip("^$"), path.name) and not path.is_symlink())
        return [digest for name in sorted(names) if self.has(digest := f"sha256:{name}")]

    def pieces(self, grid: int) -> dict[str, Piece]:
        """By SHA-256: everything that lies in slots, cut as a release is whose largest chunk has so many bytes."""
        return {sha256: piece for digest in self.digests() for sha256, piece in self._pieces(digest, max(grid, LEAST_BYTES))}

    def _pieces(self, digest: str, grid: int) -> Iterator[tuple[str, Piece]]:
        if (label := self.label(digest)) is None:
            return
        path, at = self._slot(digest) / label.path, 0
        try:
            chunks = chunks_of(path, grid) if label.path == FILE else cut(path, [0, path.stat().st_size], grid)
        except (OSError, BundleError):
            return  # spoilt: then it is fetched
        for chunk in chunks:
            yield chunk.sha256, Piece(path, at, chunk.size)
            at += chunk.size

    def _slot(self, digest: str) -> Path:
        return self.folder / digest.removeprefix("sha256:")

    def _begun(self, digest: str) -> Path:
        new = self.folder / f"{NEW}{digest.removeprefix('sha256:')}"
        with storage(new):
            _remove(new)
            new.mkdir(parents=True, mode=0o750)
        return new

    def _finish(self, new: Path, label: SlotLabel) -> None:
        write_durably(new / LABEL, label.model_dump_json().encode())
        with storage(new):
            for path in new.rglob("*"):
                path.chmod(0o750 if path.is_dir() else 0o440)
            target = self._slot(label.digest)
            if target.exists():  # one that was spoilt
                _remove(target)
        rename_durably(new, target)


def _label(bundle: StoredBundle, path: str) -> SlotLabel:
    manifest = bundle.manifest
    return SlotLabel(
        digest=bundle.digest, name=manifest.name, version=manifest.version, task=manifest.task, labels=manifest.labels, path=path
    )


def _copied(pieces: Iterable[bytes], path: Path) -> None:
    """Into a folder that is not a slot yet: until it is, nobody opens what lies there. BundleError where the last piece is told apart."""
    with storage(path):
        make_folders(path.parent)
        with path.open("xb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(path)
