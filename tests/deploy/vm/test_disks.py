"""Wear for real: the health log of an NVMe disk, as QEMU's own controller keeps it, through the kernel's driver."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.vm.machine import of, run_in_machine

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]


def test_an_nvme_disk_tells_root_how_worn_it_is_and_everybody_what_was_written_to_it(tmp_path: Path) -> None:
    (tmp_path / "disk.img").write_bytes(bytes(64 << 20))
    drive = ["-drive", f"file={tmp_path / 'disk.img'},if=none,format=raw,id=disk", "-device", "nvme,serial=worn,drive=disk"]
    said = run_in_machine("tests.deploy.vm.guest_disks", tmp_path, drive)
    log = of(said, "log")["log"]
    assert (log["reserve"], log["used_percent"], log["media_errors"]) == ("normal", 0, 0)
    assert 0 < log["temperature_c"] < 100
    (disk,) = [each for each in of(said, "disks")["disks"] if each["name"] == "nvme0n1"]
    assert (disk["kind"], disk["used_percent"]) == ("nvme", 0)
    assert disk["written_bytes"] >= 8 << 20
    others = of(said, "others")
    assert others["log"] == "only root may ask it: `sudo vedette diag` does"
    assert "does not answer" in others["not_nvme"]
