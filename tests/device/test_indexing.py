"""The index in the appliance: in line by itself, told on the board, and no recording beside a disk that is not mounted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from device.commands.doctor import whose
from device.config import Settings
from device.findings import Finding
from tests.device.record.stored import NOON, make, path_of
from tests.device.test_app import appliance


def until(true: Callable[[], object]) -> bool:
    """Within ten seconds."""
    waiter = threading.Event()
    return any(true() or waiter.wait(0.05) for _ in range(200)) or bool(true())


def test_the_appliance_brings_its_index_in_line_and_takes_up_a_removal(tmp_path: Path) -> None:
    clips = [make(tmp_path / "data", str(n), NOON.replace(minute=n)) for n in range(3)]
    for clip in clips:
        assert clip.device == "box-1"
    box = appliance(tmp_path, device_id="box-1")
    assert len(box.index.clips()) == 3, "of the files, before it is built"
    box.start()
    try:
        assert until(lambda: box.index.trusted)
        assert box.index.remove(clips[0].id, "test") > 0
        assert until(lambda: "index" in box.board.parts())
        assert box.board.parts()["index"].state == "ok"
    finally:
        box.stop()
    assert not path_of(tmp_path / "data", clips[0]).exists()


def test_where_no_disk_is_mounted_events_go_on_and_nothing_is_recorded(tmp_path: Path) -> None:
    box = appliance(tmp_path, storage={"mount": str(tmp_path)})
    try:
        for part in ("record", "pictures"):
            assert box.board.parts()[part].state == "failed"
            assert "no disk is mounted there" in box.board.parts()[part].reason
        box.start()
        assert until(lambda: box.board.parts().get("index") and box.board.parts()["index"].state == "failed")
    finally:
        box.stop()
    assert not (tmp_path / "data" / "clips").exists() and not (tmp_path / "data" / "index.sqlite").exists()


def test_where_no_disk_is_mounted_no_session_is_kept(tmp_path: Path) -> None:
    box = appliance(tmp_path, storage={"mount": str(tmp_path)}, recording={"lane_gate": None}, pipeline={"take": {"use": "take"}})
    try:
        assert box.sittings is None
        assert (box.board.parts()["takes"].state, "no disk is mounted there" in box.board.parts()["takes"].reason) == ("failed", True)
    finally:
        box.stop()


def test_the_doctor_knows_whose_a_disk_is(tmp_path: Path) -> None:
    def asked(**more: object) -> Finding:
        return whose(Settings(data=tmp_path, device_id="box-2", **more))

    assert (asked().level, asked().text) == ("ok", "none yet")
    assert asked(storage={"mount": str(tmp_path)}).level == "error"
    make(tmp_path, "a")
    appliance(tmp_path, data=str(tmp_path), device_id="box-1").stop()
    found = asked()
    assert found.level == "error" and "another box, box-1" in found.text and "reindex --adopt" in found.mend
