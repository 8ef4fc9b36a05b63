"""From what a box saw to a model that is better at it, with every part real: box, broker, pages, labels, training, gates, bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.device.publish.mosquitto import broker_in, needs_mosquitto
from tests.scenarios.loop.loop import Loop, Scale

pytest.importorskip("torch")
pytest.importorskip("httpx")


@pytest.mark.soak
@pytest.mark.broker
@needs_mosquitto
def test_a_box_gets_better_at_what_it_was_weak_on(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    said: list[str] = []
    with broker_in(tmp_path / "broker") as broker:
        told = Loop(tmp_path / "loop", Scale(), said.append, broker.port).run()
    assert told.labelled >= 100, said[-5:]
    assert told.events > 20, "the box said over MQTT what it saw"
    assert (told.verdict["answer"], told.verdict["takes_the_title"]) == ("pass", True)
    assert told.parent != told.child
    assert told.before.recall < 0.7, "the first model is weak in the evening"
    assert told.after.recall > told.before.recall + 0.15, (told.before, told.after)
    assert told.after.precision > 0.7
