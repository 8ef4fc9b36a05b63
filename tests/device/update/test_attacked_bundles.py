"""Attacks by a bundle: who releases was deceived, and signed it; each ends in its refusal, and the old model serves."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from contracts.update import Chunk
from tests.device.update.attacks import rejected
from tests.device.update.box import TestBox
from tests.device.update.repository import Repository
from vision.bundle import StoredBundle

pytestmark = pytest.mark.usefixtures("old_model_serves")


def zipped(path: Path, members: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] = lambda _: None, method: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr, info.compress_type = 3, 0o100644 << 16, method
            change(info)
            archive.writestr(info, data)
    return path


def members_of(stored: StoredBundle) -> dict[str, bytes]:
    with zipfile.ZipFile(stored.path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def as_link(info: zipfile.ZipInfo) -> None:
    if info.filename == "CARD.md":
        info.external_attr = 0o120777 << 16


def bad_file(what: str, stored: StoredBundle, to: Path) -> bytes:
    members = members_of(stored)
    if what == "a symbolic link":
        return zipped(to, {**members, "CARD.md": b"/etc/passwd"}, as_link).read_bytes()
    if what == "a zip bomb":
        return zipped(to, {**members, "CARD.md": bytes(200 << 20)}, method=zipfile.ZIP_DEFLATED).read_bytes()
    if what == "an oversize manifest":
        return zipped(to, {**members, "bundle.json": members["bundle.json"] + b" " * (256 << 10)}).read_bytes()
    if what == "a way out":
        return zipped(to, {**members, "../../../../tmp/x": b"x"}).read_bytes()
    if what == "a hidden member":
        return zipped(to, {**members, "extra.so": b"x"}).read_bytes()
    if what == "a flipped bit":
        data = bytearray(stored.path.read_bytes())
        data[len(data) // 2] ^= 1
        return bytes(data)
    return b"no zip at all"


BAD = {
    "a symbolic link": "'CARD.md' is not a plain file", "a zip bomb": "is compressed", "an oversize manifest": "bytes, at most",
    "a way out": "leads out of the bundle", "a hidden member": "'extra.so' is not listed", "a flipped bit": "",
    "no zip": "is not a zip that can be read",
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_bundle_file_with(
    tmp_path: Path, repository: Repository, box: TestBox, v2: StoredBundle, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "bad.vdb"
    bad.write_bytes(bad_file(what, v2, bad))
    monkeypatch.setattr("tests.device.update.repository.chunks_of", whole_file)  # the real one refuses such a file
    model = repository.release(StoredBundle(bad, v2.digest, v2.manifest, v2.members))
    repository.publish()
    rejected(box, repository.assign(model), "E_HOSTILE")
    assert BAD[what] in box.last.words  # by the check that is meant for it, and not by chance
    assert not [*(box.data / "update" / "incoming").iterdir()]  # and nothing of it stays
    assert not box.parts.slots.has(model.digest)


def whole_file(path: Path) -> list[Chunk]:
    data = path.read_bytes()
    pieces = [data[at : at + (1 << 20)] for at in range(0, len(data), 1 << 20)]
    return [Chunk(size=len(piece), sha256=sha256(piece).hexdigest()) for piece in pieces]
