"""A diagnosis tells what a support engineer needs to know, of a box that is well and of one that is not, and no secret."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import pytest

from device.diagnosis.archive import write_archive
from device.diagnosis.programs import output
from device.diagnosis.sections import database, events, folders, gathered
from device.diagnosis.wear import wear
from device.main import main
from device.scrub import forget

SECRETS = ("hunter2hunter2", "correct horse battery", "swordfish99")
CONFIG = """
cameras:
  yard: {use: pattern}
  gate: {use: rtsp, url: "rtsp://me:swordfish99@192.0.2.7/stream"}
mqtt: {host: 127.0.0.1, port: 1, password: hunter2hunter2}
page: {port: 9, password: "correct horse battery"}
"""


@pytest.fixture(autouse=True)
def forgotten() -> None:
    forget()


def diagnosed(folder: Path, *words: str) -> dict[str, str]:
    assert main(["diag", "--config", str(folder / "device.yaml"), "--output", str(folder / "d.zip"), "--no-probe", *words]) == 0
    with zipfile.ZipFile(folder / "d.zip") as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_it_has_everything_and_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    (data / "log").mkdir(parents=True)
    (data / "log" / "removals.jsonl").write_text('{"item": "clips/a.mp4", "why": "password=hunter2hunter2"}\n')
    (data / "log" / "events.jsonl").write_text('{"type": "object", "life": "new"}\n{"type": "object", "life": "end"}\n{torn\n')
    with closing(sqlite3.connect(data / "index.sqlite")) as db, db:
        db.execute("CREATE TABLE clips (name)")
        db.execute("INSERT INTO clips VALUES ('x')")
    (tmp_path / "device.yaml").write_text(CONFIG + f"data: {data}\n")
    found = diagnosed(tmp_path)
    assert {"README.txt", "about.json", "doctor.json", "journal.txt", "service.txt", "wear.json", "configuration.yaml"} < set(found)
    assert not [(name, secret) for name, text in found.items() for secret in SECRETS if secret in text]
    assert "192.0.2.7" in found["configuration.yaml"]
    assert json.loads(found["databases.json"])["index.sqlite"]["rows"] == {"clips": 1}
    assert json.loads(found["events.json"]) == {
        "of_the_last_bytes": 1 << 20, "kinds": {"object new": 1, "object end": 1}, "unreadable_lines": 1,
    }  # fmt: skip
    assert "the box does not answer on port 9" in found["health.json"]
    assert all(json.loads(text) is not None for name, text in found.items() if name.endswith(".json") and name != "health.json")
    assert not [secret for secret in SECRETS if secret in "".join(capsys.readouterr())]


def test_a_box_whose_configuration_is_wrong_is_diagnosed_too(tmp_path: Path) -> None:
    (tmp_path / "device.yaml").write_text("cameras:\n  yard: {use: rtps}\nmqtt: {pasword: hunter2hunter2}\n")
    found = diagnosed(tmp_path)
    assert any(each["level"] == "error" and "pasword" in each["what"] for each in json.loads(found["doctor.json"]))
    assert "configuration.yaml" not in found
    assert "hunter2" not in "".join(found.values())


def test_what_still_has_a_secret_stays_out_and_is_named(tmp_path: Path) -> None:
    made = datetime(2026, 11, 22, tzinfo=timezone.utc)
    parts = [("a.json", '{"x": "hunter2hunter2"}'), ("b.json", "{}")]
    assert write_archive(tmp_path / "d.zip", parts, SECRETS, made) == ["a.json"]
    with zipfile.ZipFile(tmp_path / "d.zip") as archive:
        assert "hunter2" not in archive.read("a.json").decode()
        assert archive.read("b.json") == b"{}"


def test_a_clock_before_1980_makes_an_archive_all_the_same(tmp_path: Path) -> None:
    assert write_archive(tmp_path / "d.zip", [], [], datetime(1970, 1, 1, tzinfo=timezone.utc)) == []


def test_a_section_that_fails_stops_no_other() -> None:
    def broken() -> str:
        raise OSError("the disk is gone")

    assert dict(gathered({"a.txt": broken, "b.txt": lambda: "well"})) == {
        "a.txt": "could not be gathered: OSError: the disk is gone\n", "b.txt": "well",
    }  # fmt: skip


def test_folders_are_counted_and_not_listed(tmp_path: Path) -> None:
    (tmp_path / "clips" / "garden-of-mr-smith").mkdir(parents=True)
    (tmp_path / "clips" / "garden-of-mr-smith" / "a.mp4").write_bytes(b"x" * 10)
    (tmp_path / "clips" / "link").symlink_to(tmp_path / "nowhere")
    told = folders(tmp_path)
    assert told["clips"]["files"] == 2
    assert "smith" not in json.dumps(told)


def test_a_damaged_database_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)
    said = dict(gathered({"databases.json": lambda: json.dumps(database(tmp_path / "index.sqlite"))}))
    assert "could not be gathered: DatabaseError" in said["databases.json"]


def test_an_event_log_of_another_kind_is_counted_as_unreadable(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b"[1]\n\xff\xfe\n\n")
    assert events(tmp_path / "events.jsonl")["unreadable_lines"] == 3


def test_what_is_not_installed_hangs_or_fails_is_told() -> None:
    assert output(["vedette-no-such-program"]).why == "vedette-no-such-program is not installed"
    assert "gave no answer within 0.2 s" in output(["sleep", "20"], 0.2).why
    assert "ended with 2" in output(["ls", "/no/such/folder"]).why


def test_the_wear_of_flash_is_read(tmp_path: Path) -> None:
    device = tmp_path / "block" / "mmcblk0" / "device"
    device.mkdir(parents=True)
    (device / "life_time").write_text("0x02 0x0b\n")
    (device / "pre_eol_info").write_text("0x01\n")
    (device / "type").write_text("MMC\n")
    (tmp_path / "block" / "nvme0n1").mkdir()
    found = wear(tmp_path, lambda _path: "only root may ask it")
    assert (found["disks"]["mmcblk0"]["used_percent"], found["disks"]["mmcblk0"]["reserve"]) == (110, "normal")
    assert found["disks"]["nvme0n1"]["log"] == "only root may ask it"
    assert found["heat"] == {"temperatures_c": {}, "throttled": ()}


def test_a_disk_that_is_full_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "device.yaml").write_text(CONFIG)
    assert main(["diag", "--config", str(tmp_path / "device.yaml"), "--output", "/dev/full/d.zip", "--no-probe"]) == 5
    assert "/dev/full" in capsys.readouterr().err
