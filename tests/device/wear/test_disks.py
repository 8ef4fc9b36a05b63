"""Disks say how worn they are in the kernel's own words, and one that does not tell is no fault."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.wear.disks import disks, holding
from device.wear.nvme import COMMAND, HealthLog, parse, read_log


def block(folder: Path, name: str, **files: str) -> None:
    for path, text in ({"stat": "1 2 3 4 5 6 2048 8 9 10 11"} | files).items():
        place = folder / name / path.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text + "\n")


def test_each_kind_of_disk_is_told_apart_and_views_of_others_are_left_out(tmp_path: Path) -> None:
    block(tmp_path, "mmcblk0", device__type="MMC", device__life_time="0x02 0x05", device__pre_eol_info="0x02")
    block(tmp_path, "mmcblk1", device__type="SD")
    block(tmp_path, "nvme0n1")
    block(tmp_path, "sda", queue__rotational="0")
    block(tmp_path, "sdb", queue__rotational="1")
    for name in ("loop0", "zram0", "dm-0", "md127"):
        block(tmp_path, name)
    log = HealthLog(103, 4, "low", 10**13, 0, 7, 51.0)
    found = {disk.name: disk for disk in disks(tmp_path, lambda path: log if path == Path("/dev/nvme0n1") else "")}
    assert [(d.name, d.kind, d.used_percent, d.reserve) for d in found.values()] == [
        ("mmcblk0", "emmc", 50, "low"), ("mmcblk1", "sd", None, None), ("nvme0n1", "nvme", 103, "low"),
        ("sda", "ssd", None, None), ("sdb", "disk", None, None),
    ]  # fmt: skip
    assert {disk.written_bytes for disk in found.values()} == {1 << 20}
    assert found["mmcblk1"].why == "SD cards do not tell"


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_nonsense_in_sysfs_is_not_told(tmp_path_factory: pytest.TempPathFactory, life: bytes, stat: bytes) -> None:
    folder = tmp_path_factory.mktemp("sys")
    block(folder, "mmcblk0", device__type="MMC")
    (folder / "mmcblk0/device/life_time").write_bytes(life)
    (folder / "mmcblk0/stat").write_bytes(stat)
    (disk,) = disks(folder)
    assert disk.used_percent is None or 10 <= disk.used_percent <= 110


def test_the_disk_below_a_volume_and_a_partition_is_found(tmp_path: Path) -> None:
    disk = tmp_path / "devices/nvme0n1"
    (disk / "nvme0n1p2").mkdir(parents=True)
    (disk / "nvme0n1p2/partition").write_text("2\n")
    crypt = tmp_path / "devices/dm-0"
    (crypt / "slaves").mkdir(parents=True)
    (crypt / "slaves/nvme0n1p2").symlink_to(disk / "nvme0n1p2")
    device = tmp_path.stat().st_dev
    numbers = tmp_path / "numbers"
    numbers.mkdir()
    (numbers / f"{device >> 8 & 0xFFF}:{device & 0xFF | device >> 12 & 0xFFF00}").symlink_to(crypt)
    assert holding(tmp_path, numbers) == "nvme0n1"
    assert holding(tmp_path / "gone", numbers) == holding(tmp_path, tmp_path / "nothing") == ""


def health_log(warning: int = 0, kelvin: int = 324, spare: int = 100, least: int = 10, used: int = 3) -> bytes:
    log = bytearray(512)
    struct.pack_into("<BHBBB", log, 0, warning, kelvin, spare, least, used)
    log[48:64], log[144:160], log[160:176] = ((n).to_bytes(16, "little") for n in (2_000_000, 9, 1))
    return bytes(log)


def test_the_health_log_of_an_nvme_is_read_as_its_standard_says() -> None:
    assert COMMAND.size == 72, "linux/nvme_ioctl.h, struct nvme_passthru_cmd"
    assert parse(health_log()) == HealthLog(3, 100, "normal", 1_024_000_000_000, 1, 9, 50.9)
    reserves = [parse(log) for log in (health_log(spare=9), health_log(warning=1), health_log(warning=8), health_log(warning=4))]
    assert [log.reserve for log in reserves if isinstance(log, HealthLog)] == ["low", "low", "critical", "critical"]
    assert parse(bytes(512)) == parse(b"") == "its health log is empty"


def test_what_is_no_nvme_answers_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert "does not answer" in str(read_log(tmp_path / "file"))
    assert "No such file" in str(read_log(tmp_path / "gone"))
