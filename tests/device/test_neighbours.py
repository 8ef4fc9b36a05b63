"""Which boxes say where they are: those whose page others can reach, unless their owner says no; the others load nothing of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from device.clock import SystemClock
from device.config import load
from device.nearby.announce import About
from device.neighbours import meet
from device.pipeline.board import Board
from device.pipeline.crew import Crew
from device.pipeline.tally import Tally
from tests.scenarios.stage import config

PATTERN = {"use": "pattern", "width": 320, "height": 240, "fps": 10, "pace": "realtime"}
OPEN = {"host": "0.0.0.0", "port": 0, "password": "not a secret here"}
MQTT = {"host": "broker.home", "tls": "on", "ca": "ca.pem"}


class Page:
    """As the real one says it when it listens."""

    address = "http://box.example:8123"


def about_of(folder: Path, **more: Any) -> tuple[About | None, bool] | None:
    loaded, crew = load(config(folder, PATTERN, **more)), Crew(SystemClock())
    found = meet(loaded, Page(), crew, clock=SystemClock(), board=Board(), tally=Tally())
    return None if found is None else (found._about, found._seeking)


def test_a_page_that_others_reach_is_announced_with_the_port_it_got(tmp_path: Path) -> None:
    met = about_of(tmp_path, page=OPEN, device_id="yard-1")
    assert met and met[0] and (met[0].device_id, met[0].port, met[0].https, met[0].unclaimed) == ("yard-1", 8123, False, False)
    assert not met[1]


@pytest.mark.parametrize("more", [{"page": {"port": 0}}, {"page": OPEN, "nearby": None}, {"page": OPEN, "nearby": {"announce": False}}])
def test_a_page_on_loopback_or_a_silent_owner_is_nobodys(tmp_path: Path, more: dict[str, Any]) -> None:
    assert about_of(tmp_path, **more) is None


def test_a_broker_is_sought_where_the_configuration_says_so(tmp_path: Path) -> None:
    assert about_of(tmp_path, page={"port": 0}, mqtt={**MQTT, "discover": True}) == (None, True)
    assert about_of(tmp_path, page={"port": 0}, mqtt=MQTT) is None


def test_a_box_that_nobody_shall_find_does_not_load_zeroconf() -> None:
    code = "import sys, device.app, device.commands.run; sys.exit('zeroconf' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
