"""Pictures of a camera when somebody asks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import cv2
import pytest

from contracts.errors import HardwareError, StorageError
from device.pipeline.ring import PacketRing
from device.pipeline.tally import Tally
from device.stills import Stills, picture_in
from tests.device.record.footage import footage


def filled(codec: str) -> PacketRing:
    ring = PacketRing(60)
    for packet in footage(codec, frames=60):
        ring.append(packet)
    return ring


def stills(rings: Mapping[str, PacketRing], data: Path, tally: Tally | None = None, **options: int) -> Stills:
    return Stills(rings, data, tally or Tally(), **options)


@pytest.mark.parametrize("codec", ["h264", "hevc", "mjpeg"])
def test_a_snapshot_is_the_newest_key_frame_as_a_file(codec: str, tmp_path: Path) -> None:
    said = stills({"left": filled(codec)}, tmp_path).snapshot({"camera": "left"})
    path = tmp_path / str(said["path"])
    assert (
        said["path"] == path.relative_to(tmp_path).as_posix() and path.parent.name == "snapshots" and path.name.startswith("left-20261122T")
    )
    assert path.stat().st_size == said["bytes"]
    assert cv2.imread(str(path)).shape == (240, 320, 3)


def test_without_a_name_it_is_the_first_camera(tmp_path: Path) -> None:
    assert stills({"left": filled("h264"), "right": PacketRing(60)}, tmp_path).snapshot({})["camera"] == "left"


@pytest.mark.parametrize("camera", ["right", "nobody", "../left"])
def test_a_camera_without_a_picture_is_said_and_the_cameras_are_named(camera: str, tmp_path: Path) -> None:
    with pytest.raises(HardwareError, match="there is no picture of it yet; the cameras are left, right"):
        stills({"left": filled("h264"), "right": PacketRing(60)}, tmp_path).snapshot({"camera": camera})
    assert not list(tmp_path.iterdir())


def test_a_key_frame_that_holds_no_picture_gives_none() -> None:
    from dataclasses import replace

    key = footage("h264")[0]
    planes = picture_in(key)
    assert planes and (planes.width, planes.height) == (320, 240)
    assert picture_in(replace(key, data=b"\0\0\0\1\x65" + b"x" * 40)) is None


def test_as_many_snapshots_are_kept_as_are_allowed_and_the_oldest_go(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "snapshots"
    folder.mkdir()
    for number in range(5):
        (folder / f"old-{number}.jpg").touch()
        os.utime(folder / f"old-{number}.jpg", (number, number))
    for stranger in ("notes.txt", ".hidden.jpg"):
        (folder / stranger).touch()
    (folder / "link.jpg").symlink_to(folder / "notes.txt")
    tally = Tally()
    with caplog.at_level("INFO"):
        said = stills({"left": filled("h264")}, tmp_path, tally, keep=3).snapshot({})
    left = {path.name for path in folder.iterdir()}
    assert left == {Path(str(said["path"])).name, "old-3.jpg", "old-4.jpg", "notes.txt", ".hidden.jpg", "link.jpg"}
    assert tally.get("", "snapshots", "removed") == 3
    assert "old snapshots removed" in caplog.text


def test_a_folder_of_snapshots_that_leads_away_gets_none(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "snapshots").symlink_to(tmp_path / "outside")
    with pytest.raises(StorageError, match="snapshots: a symbolic link, and none is followed; remove it"):
        stills({"left": filled("h264")}, tmp_path / "data").snapshot({})
    assert not list((tmp_path / "outside").iterdir())
