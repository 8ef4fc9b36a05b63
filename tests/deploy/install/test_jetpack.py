"""A Jetson with JetPack 6 (aarch64, Python 3.10) needs nothing built: each locked package is there as a wheel that its C library loads."""

from __future__ import annotations

from pathlib import Path

from scripts.release import ROOT
from scripts.release_lock import GLIBC, Target, locked
from scripts.release_wheels import fetch

JETSON = Target("aarch64", "3.10")


def test_every_locked_package_is_there_as_a_wheel_by_its_hash(tmp_path: Path) -> None:
    """pip's own check of the hashes, in a folder with nothing in it; needs the package index."""
    pins = locked(ROOT / "requirements", ["install", "box"], JETSON)
    found = fetch(pins, JETSON, tmp_path)
    assert [wheel.name for wheel in found] == [pin.name for pin in pins]
    assert {path.suffix for path in tmp_path.iterdir()} == {".whl", ".txt"}
    assert max(wheel.glibc() for wheel in found) <= GLIBC["3.10"]
    assert any(wheel.path.name.startswith("av-") and "cp310" in wheel.path.name for wheel in found)
