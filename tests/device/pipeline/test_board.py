"""States in words."""

from __future__ import annotations

import pytest

from device.pipeline.board import Board, CameraState


def test_a_camera_is_starting_until_told_otherwise_and_changes_field_by_field() -> None:
    board = Board()
    board.camera("left")
    assert board.cameras() == {"left": CameraState()}
    board.camera("left", state="online", codec="h264", width=1920, height=1080)
    board.camera("left", gate="idle")
    left = board.cameras()["left"]
    assert (left.state, left.codec, left.width, left.gate) == ("online", "h264", 1920, "idle")


def test_a_misspelt_field_is_a_bug_and_changes_nothing() -> None:
    board = Board()
    with pytest.raises(TypeError):
        board.camera("left", stat="online")
    assert board.cameras() == {}


def test_a_part_keeps_the_time_since_when_it_is_in_its_state() -> None:
    board = Board()
    board.part("mqtt", "ok", wall_ns=1)
    board.part("mqtt", "degraded", "no broker", wall_ns=2)
    board.part("mqtt", "degraded", "still no broker", wall_ns=3)
    mqtt = board.parts()["mqtt"]
    assert (mqtt.state, mqtt.reason, mqtt.since_wall_ns) == ("degraded", "still no broker", 2)
    board.part("mqtt", "ok", wall_ns=4)
    assert board.parts()["mqtt"].since_wall_ns == 4


def test_what_is_handed_out_is_a_copy() -> None:
    board = Board()
    board.camera("left")
    board.part("mqtt", "ok")
    board.cameras().clear()
    board.parts().clear()
    assert set(board.cameras()) == {"left"}
    assert set(board.parts()) == {"mqtt"}
