"""The whole box with two cameras: an event on one is recorded on both, a command from the broker records until it says stop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.clip import Clip, group_id
from tests.device.publish.mosquitto import Broker, Listener, broker_in, needs_mosquitto
from tests.scenarios.stage import Box, config, film

pytestmark = [pytest.mark.timeout(120), needs_mosquitto]
COMMAND = "vedette/v1/box-01/dn/cmd"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    (tmp_path / "broker").mkdir()
    with broker_in(tmp_path / "broker") as running:
        yield running


def clips(box: Box) -> list[Clip]:
    return [Clip.model_validate_json(path.read_bytes()) for path in sorted((box.data / "clips").glob("*/*/[!.]*.json"))]


def asked(listener: Listener, number: int, **args: Any) -> dict[str, Any]:
    """The answer to the command `record`."""
    listener.publish(COMMAND, json.dumps({"v": 1, "id": f"c{number}", "cmd": "record", "args": args}).encode())
    came = listener.wait(lambda messages: len(messages) >= number)
    answer: dict[str, Any] = json.loads(came[number - 1].payload)["data"]
    assert answer["ok"], answer
    return dict(answer["data"])


def test_events_and_commands_record_groups_of_cameras(tmp_path: Path, broker: Broker) -> None:
    visited = film(tmp_path / "visited.mkv", visits=((3.0, 6.0),), seconds=30)
    empty = film(tmp_path / "empty.mkv", visits=(), seconds=30)
    camera = {"use": "file", "path": str(visited), "pace": "realtime", "loop": True}
    both = {"yard": camera, "gate": {**camera, "path": str(empty)}}
    record = {"pre_roll_ms": 500, "post_roll_ms": 500, "when": {"events": {"cameras": "all"}}}
    device = config(tmp_path, camera, cameras=both, record=record, mqtt={"host": broker.host, "port": broker.port})
    listener = Listener(broker, "vedette/v1/box-01/up/res")
    box = Box(device)
    try:
        box.start()
        box.until(lambda: len(clips(box)) >= 2, 60)
        by_event = clips(box)
        (event,) = {cause.id for clip in by_event for cause in clip.events}
        assert {clip.camera: clip.group for clip in by_event} == dict.fromkeys(("yard", "gate"), group_id(str(event)))

        group = asked(listener, 1, action="start", cameras=["gate"], note="a parcel")["group"]
        assert asked(listener, 2, action="stop", group=group) == {"stopped": [group]}
        box.until(lambda: len(clips(box)) >= 3)
        (commanded,) = [clip for clip in clips(box) if clip.trigger == "command"]
        assert (str(commanded.group), commanded.camera, commanded.note, commanded.reason) == (group, "gate", "a parcel", "command")
        assert box.stop() == 0
    finally:
        if box.process and box.process.poll() is None:
            box.process.kill()
