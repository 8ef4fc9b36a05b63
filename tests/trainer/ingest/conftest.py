"""A broker for each test that asks for one; its queues hold what a trainer that is away must not miss."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.device.publish.mosquitto import Broker, broker_in

ROOM = ("max_queued_messages 0", "max_queued_bytes 0", "max_inflight_messages 0")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with broker_in(folder, *ROOM) as running:
        yield running
