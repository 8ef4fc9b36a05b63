"""Whose a box is, and where its page listens until it is somebody's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from device.config import Loaded, load
from device.setup.standing import listening, unclaimed
from device.web.passwords import fault, fits, hashed

CAMERA = {"yard": {"use": "pattern"}}


def box(folder: Path, owner: dict[str, Any] | None = None, **said: Any) -> Loaded:
    path = folder / "device.yaml"
    path.write_text(yaml.safe_dump({"device_id": "new-box", "data": str(folder / "data"), **said}))
    if owner:
        (folder / "data" / "config").mkdir(parents=True)
        (folder / "data" / "config" / "owner.yaml").write_text(yaml.safe_dump(owner))
    return load(path)


def test_a_password_or_a_camera_that_somebody_chose_makes_an_owner(tmp_path: Path) -> None:
    for nobodys in ({}, {"page": {"port": 9000}}, {"mqtt": {"host": "broker.example"}}):
        assert unclaimed(box(tmp_path, **nobodys))
    for somebodys in (
        {"cameras": CAMERA}, {"page": {"password": "correct horse"}}, {"page": {"token": "t" * 20}}, {"page": None},
        {"page": {"password_hash": hashed("correct horse")}},
    ):  # fmt: skip
        assert not unclaimed(box(tmp_path, **somebodys))


def test_a_camera_that_was_only_plugged_in_makes_none(tmp_path: Path) -> None:
    assert unclaimed(box(tmp_path, {"cameras": {"camera1": {"use": "v4l2", "device": "usb:046d:0892"}}}, adopt_cameras=True))


def test_it_is_found_by_its_network_unless_somebody_said_where_it_listens(tmp_path: Path) -> None:
    assert listening(box(tmp_path)).host == "0.0.0.0"
    assert listening(box(tmp_path, page={"port": 9000})).port == 9000
    assert listening(box(tmp_path, page={"host": "127.0.0.1"})).host == "127.0.0.1"
    assert listening(box(tmp_path, cameras=CAMERA)).host == "127.0.0.1", "as it always was"


def test_a_password_is_known_by_what_is_kept_of_it_and_each_is_kept_otherwise() -> None:
    kept = hashed("correct horse")
    assert fits("correct horse", kept) and not fits("correct hors", kept) and kept != hashed("correct horse")
    assert fault(kept) == "" and "correct" not in kept


@pytest.mark.parametrize(
    "kept", ["", "correct horse", "scrypt:3:8:1:" + "0" * 32 + ":" + "0" * 64, "scrypt:1048576:99:99:" + "0" * 32 + ":" + "0" * 64]
)
def test_what_is_no_kept_password_is_refused_before_it_is_used(tmp_path: Path, kept: str) -> None:
    assert fault(kept)
    with pytest.raises(Exception, match=r"page\.password_hash") as refused:
        box(tmp_path, page={"password_hash": kept or "x"})
    assert "0000" not in str(refused.value) and "correct" not in str(refused.value)
