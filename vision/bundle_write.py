"""Writing a bundle, whole or not at all; the same contents give the same bytes and so the same digest."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from contracts.bundle import MANIFEST, Bundle, Entry
from contracts.errors import BundleError, StorageError
from vision.bundle import StoredBundle, digest_of, read_bundle
from vision.bundle_members import MAX_MANIFEST_BYTES

MIB = 1 << 20
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say
SUFFIX = ".vdb"


def write_bundle(
    path: Path | str, fields: Mapping[str, Any], files: Mapping[str, bytes | Path], model: str = "model.onnx"
) -> StoredBundle:
    """A folder, or one file when `path` ends in .vdb; what stood there is replaced.

    `fields` are those of contracts.bundle.Bundle but for model, files and chunks, which are computed;
    `files` maps each path in the bundle to its bytes or to a file of them, the model among them.
    """
    target = Path(path)
    contents = {name: data if isinstance(data, bytes) else data.read_bytes() for name, data in sorted(files.items())}
    manifest = _manifest(target, fields, contents, model)
    contents = {MANIFEST: manifest.model_dump_json(indent=1).encode() + b"\n", **contents}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
            made = Path(scratch) / target.name
            _write_zip(made, contents) if target.suffix == SUFFIX else _write_folder(made, contents)
            read_bundle(made)  # what is put in place is what the box will accept
            _put(made, target, Path(scratch) / "replaced")
            _sync(target.parent)
    except OSError as error:
        raise StorageError(f"bundle {target}: cannot be written: {error}; free some room or choose another place") from error
    return read_bundle(target)


def pack(bundle: StoredBundle, target: Path) -> StoredBundle:
    """The same bundle as one file, whatever it was: the one form that its digest has, byte for byte."""
    raw = bundle.members.read(MANIFEST, MAX_MANIFEST_BYTES)
    if digest_of(raw) != bundle.digest:
        raise BundleError(f"bundle {bundle.path}: its {MANIFEST} is another than a moment ago; see who writes there, and begin again")
    names = sorted(entry.path for entry in (bundle.manifest.model, *bundle.manifest.files))
    contents = {MANIFEST: raw, **{name: bundle.model() if name == bundle.manifest.model.path else bundle.read(name) for name in names}}
    try:
        _write_zip(target, contents)
    except OSError as error:
        raise StorageError(f"bundle {target}: cannot be written: {error}; free some room or choose another place") from error
    return read_bundle(target)


def _manifest(target: Path, fields: Mapping[str, Any], contents: Mapping[str, bytes], model: str) -> Bundle:
    if model not in contents:
        raise BundleError(f"bundle {target}: {model} is not among the files given: {', '.join(contents) or 'none'}; add it")
    data = contents[model]
    chunks = [hashlib.sha256(data[at : at + MIB]).hexdigest() for at in range(0, len(data), MIB)]
    try:
        entries = {name: Entry(path=name, size=len(data), sha256=hashlib.sha256(data).hexdigest()) for name, data in contents.items()}
        others = [entry for name, entry in entries.items() if name != model]
        return Bundle.model_validate({**fields, "model": entries[model], "files": others, "chunks": chunks})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise BundleError(f"bundle {target}: {where}: {first['msg']}; correct the field") from error


def _write_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    for name, data in contents.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
    for inner in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        _sync(inner)


def _write_zip(file: Path, contents: Mapping[str, bytes]) -> None:
    with file.open("wb") as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for name, data in contents.items():
                info = zipfile.ZipInfo(name, EPOCH)
                info.create_system, info.external_attr = 3, 0o100644 << 16
                archive.writestr(info, data)
        out.flush()
        os.fsync(out.fileno())


def _put(made: Path, target: Path, aside: Path) -> None:
    """A file is replaced in one step. A folder cannot be: the old one steps aside first, and back when that fails."""
    if not target.is_dir():
        made.replace(target)
        return
    shutil.move(target, aside)
    try:
        made.replace(target)
    except OSError:
        shutil.move(aside, target)
        raise


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
