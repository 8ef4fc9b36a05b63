"""Slots: what lies in them is whole, the three links lead somewhere, and what is spoilt is healed."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import BundleError
from device.update.slots import Slots
from tests.device.update.box import bundle
from tests.memory import at_most_mib
from tests.vision.bundles import white_box_bundle
from vision.bundle import StoredBundle


@pytest.fixture
def slots(tmp_path: Path, factory: StoredBundle) -> Slots:
    made = Slots(tmp_path / "data" / "models")
    made.adopt(factory)
    return made


def put(slots: Slots, path: Path, version: str) -> str:
    stored = bundle(path, version)
    slots.put(stored)
    return stored.digest


def test_the_factory_model_is_copied_once_and_is_current(slots: Slots, factory: StoredBundle) -> None:
    assert slots.linked("current") == slots.linked("factory") == factory.digest
    before = {path: path.stat().st_mtime_ns for path in slots.folder.rglob("*") if path.is_file()}
    slots.adopt(factory)
    assert {path: path.stat().st_mtime_ns for path in slots.folder.rglob("*") if path.is_file()} == before
    assert all(path.stat().st_mode & 0o222 == 0 for path in before)  # read-only


def test_a_factory_model_of_any_size_is_copied_piece_by_piece_and_one_that_is_another_is_not(tmp_path: Path, slots: Slots) -> None:
    large = white_box_bundle(tmp_path / "large", files={"notes.bin": bytes(64 << 20)})
    with at_most_mib(20):
        slots.copy(large)
    assert slots.open(large.digest).digest == large.digest
    with (tmp_path / "large" / "notes.bin").open("r+b") as file:
        file.write(b"x")
    other = Slots(tmp_path / "other")
    with pytest.raises(BundleError, match=r"notes\.bin has SHA-256"):
        other.adopt(large)
    assert not other.has(large.digest) and other.linked("current") is None


def test_newer_software_brings_a_newer_factory_model(tmp_path: Path, slots: Slots, factory: StoredBundle) -> None:
    newer = bundle(tmp_path / "newer", "1.1.0")
    slots.adopt(newer)
    assert slots.linked("current") == slots.linked("factory") == newer.digest
    pushed = put(slots, tmp_path / "v2.vdb", "2.0.0")
    slots.flip(pushed)
    slots.adopt(factory)  # and back: what was pushed stays
    assert (slots.linked("current"), slots.linked("previous"), slots.linked("factory")) == (pushed, newer.digest, factory.digest)


def test_links_lead_to_slots_and_nowhere_else(tmp_path: Path, slots: Slots, factory: StoredBundle) -> None:
    for target in ("/etc", "..", "nowhere", "0" * 64, factory.digest):
        (slots.folder / "current").unlink()
        (slots.folder / "current").symlink_to(target)
        assert slots.linked("current") is None
        assert "factory" in slots.heal()
        assert slots.linked("current") == factory.digest


def test_a_slot_that_is_gone_is_healed_by_the_previous_one(tmp_path: Path, slots: Slots) -> None:
    import shutil

    first, second = (put(slots, tmp_path / f"v{n}.vdb", f"{n}.0.0") for n in (2, 3))
    slots.flip(first)
    slots.flip(second)
    shutil.rmtree(slots.folder / second.removeprefix("sha256:"))
    assert "previous" in slots.heal()
    assert slots.linked("current") == first


def test_a_slot_whose_bytes_were_changed_is_not_opened(tmp_path: Path, slots: Slots) -> None:
    digest = put(slots, tmp_path / "v2.vdb", "2.0.0")
    path = slots.path(digest)
    path.chmod(0o640)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError):
        slots.open(digest)


def test_half_made_slots_go_at_the_start(tmp_path: Path, slots: Slots) -> None:
    for name in (f".new-{'a' * 64}", f".old-{'b' * 64}"):
        (slots.folder / name).mkdir()
        (slots.folder / name / "x").write_bytes(b"x")
    slots.heal()
    assert not [*slots.folder.glob(".new-*"), *slots.folder.glob(".old-*")]


def test_collecting_never_touches_what_a_link_names(tmp_path: Path, slots: Slots, factory: StoredBundle) -> None:
    digests = [put(slots, tmp_path / f"v{n}.vdb", f"{n}.0.0") for n in (2, 3, 4, 5)]
    slots.flip(digests[0])
    slots.flip(digests[1])
    assert slots.collect([digests[2]]) == [digests[3]]
    assert set(slots.digests()) == {factory.digest, *digests[:3]}
