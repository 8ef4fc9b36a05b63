"""What a box saw in an hour comes to the trainer through a real broker: over the hour's end and a restart of the box."""

from __future__ import annotations

import argparse
import json
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

pytest.importorskip("sqlalchemy")

from contracts.drift import MOST_BYTES, DriftNow, DriftWindow
from device.app import Appliance
from device.clock import ClockState, SystemClock
from device.config import load
from tests.device.publish.mosquitto import broker_in, needs_mosquitto
from tests.scenarios.stage import config
from trainer.commands import drift
from trainer.ingest.options import Options
from trainer.ingest.service import Ingest
from trainer.store.database import Database
from trainer.store.drift_tables import drift_hours
from trainer.store.tables import devices

S = 1_000_000_000
PATTERN = {"use": "pattern", "width": 320, "height": 240, "fps": 10, "pace": "realtime"}


class JumpingClock:
    """The system's, and so much ahead that an hour is half over."""

    def __init__(self) -> None:
        self._system = SystemClock()
        self.ahead_ns = 5400 * S - self._system.wall_ns() % (3600 * S)

    def mono_ns(self) -> int:
        return self._system.mono_ns() + self.ahead_ns

    def wall_ns(self) -> int:
        return self._system.wall_ns() + self.ahead_ns

    def state(self) -> ClockState:
        return "ntp"


def until(ask: Any, timeout_s: float = 40) -> Any:
    pause = threading.Event()
    for _ in range(int(timeout_s / 0.1)):
        if found := ask():
            return found
        pause.wait(0.1)
    raise AssertionError(f"still {found!r} after {timeout_s} s")


@needs_mosquitto
@pytest.mark.broker
@pytest.mark.timeout(150)
def test_an_hour_comes_to_the_trainer_whole_and_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broker").mkdir()
    database = Database(str(tmp_path / "home" / "store.sqlite"))
    clock, stop = JumpingClock(), threading.Event()
    with broker_in(tmp_path / "broker") as broker:
        ingest = Ingest(database, Options(host=broker.host, port=broker.port), clock=lambda: clock.wall_ns() // 1000)
        taking = threading.Thread(target=ingest.run, args=(stop,))
        taking.start()
        until(lambda: ingest.connected)
        path = config(tmp_path, PATTERN, mqtt={"host": broker.host, "port": broker.port}, drift={"picture_every_s": 1, "save_s": 5})
        counted = hour_of(path, clock)
        until(lambda: ingest.counts["drift"])
        (row,) = rows(database)
        again = Appliance(load(path), clock)
        again.start()
        until(lambda: ingest.counts["drift"] >= 2)
        again.stop()
        assert rows(database) == [row]
        stop.set()
        taking.join(20)
    window = DriftWindow.model_validate_json(row["body"])
    assert (row["name"], row["camera"], row["model"]) == ("box-01", "yard", window.model)
    assert window.frames == row["frames"] >= counted > 10
    assert window.pictures is not None and window.pictures.count >= 2
    assert len(row["body"]) < MOST_BYTES
    database.close()
    assert drift.run(parsed(tmp_path / "home", "--all", "--json")) == 0
    said = json.loads(capsys.readouterr().out)
    assert [(each["device"], each["state"]) for each in said["standing"]] in ([("box-01", "learning")], [])


def hour_of(path: Path, clock: JumpingClock) -> int:
    """Frames that one box counted until the hour was over; its page and its metrics say the same."""
    box = Appliance(load(path), clock)
    assert box.page and box.drift
    address = box.page.address
    box.start()
    try:
        until(lambda: sum(each.frames for each in box.drift.now().hour) > 30)  # type: ignore[union-attr]
        told = DriftNow.model_validate_json(get(address + "/api/v1/drift"))
        assert "vedette_drift_picture" in get(address + "/metrics")
        assert ">yard " in get(address + "/drift")
        clock.ahead_ns += 3600 * S
        until(lambda: len({key.hour for key in box.drift._open}) == 2)  # type: ignore[union-attr]
        clock.ahead_ns += 12 * S
        until(lambda: box.drift._over)  # type: ignore[union-attr]
        return told.hour[0].frames
    finally:
        box.stop()


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=20) as answer:  # noqa: S310  our own
        return str(answer.read().decode())


def rows(database: Database) -> list[dict[str, Any]]:
    query = select(devices.c.name, drift_hours).join(devices, devices.c.number == drift_hours.c.device)
    with database.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def parsed(home: Path, *words: str) -> Any:
    parser = argparse.ArgumentParser()
    drift.add_arguments(parser)
    return parser.parse_args(["--home", str(home), *words])
