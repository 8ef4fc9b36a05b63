"""What the page may not change, what would not come up, and who stays logged in over a new start."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from contracts.errors import BundleError, ConfigError
from device.clock import SystemClock
from device.config import load
from device.pipeline.board import Board
from device.setup import handover
from device.setup.opening import owners_desk
from device.setup.owner import OwnersDesk
from device.web.setup_owner import BrokerGiven, CameraGiven
from tests.device.setup.newbox import device_yaml

HASH = "ab" * 32
YARD = CameraGiven(name="yard", kind="rtsp", address="192.0.2.7/one")


def desk(folder: Path, again: threading.Event, **said: object) -> OwnersDesk:
    return owners_desk(load(device_yaml(folder, **said)), SystemClock(), Board(), again.set)


def test_what_a_variable_says_is_shown_as_held_and_not_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEDETTE_PROFILE", "street-count")
    monkeypatch.setenv("VEDETTE_MQTT__HOST", "broker.example")
    mine = desk(tmp_path, threading.Event())
    state = mine.state()
    assert state["profile"]["name"] == "street-count" and "variable" in state["profile"]["held"] and "variable" in state["broker_held"]
    with pytest.raises(ConfigError, match="cannot be changed here"):
        mine.save_profile("street")
    with pytest.raises(ConfigError, match="cannot be changed here"):
        mine.save_broker(BrokerGiven(host="other.example", port=1883, tls="off"))
    mine.save_camera(YARD)
    assert [camera["held"] for camera in mine.state()["cameras"]] == [""]


def test_what_would_not_come_up_does_not_go_down(tmp_path: Path) -> None:
    again = threading.Event()
    mine = desk(tmp_path, again, pipeline={"detect": {"bundle": "nowhere"}})
    mine.save_camera(YARD)
    with pytest.raises((BundleError, ConfigError), match="nowhere"):
        mine.restart({HASH: 1})
    assert not again.is_set() and not (tmp_path / "data" / handover.FILE).exists()


def test_logins_go_over_to_the_next_start_of_this_boot_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = threading.Event()
    desk(tmp_path, again).restart({HASH: 7_000_000_000})
    assert again.is_set() and (tmp_path / "data" / handover.FILE).stat().st_mode & 0o077 == 0
    assert desk(tmp_path, again).logins() == {HASH: 7_000_000_000} and desk(tmp_path, again).logins() == {}
    handover.leave(tmp_path / "data", {HASH: 1})
    monkeypatch.setattr(handover, "BOOT", tmp_path / "another-boot")
    assert handover.take(tmp_path / "data") == {}


@pytest.mark.parametrize("content", [b"", b"[]", b'{"boot": 1}', b'{"boot": "", "logins": {"x": 1}}', b"\xff", b"{" * 70_000])
def test_what_is_no_handover_lets_nobody_in(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / handover.FILE
    path.parent.mkdir()
    path.write_bytes(content)
    assert handover.take(tmp_path) == {} and not path.exists()
