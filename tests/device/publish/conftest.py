"""Fixtures of the publish tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.device.publish.mosquitto import Broker, broker_in


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with broker_in(folder) as running:
        yield running
