"""Boxes as processes that look at a film without an end, told what to run over TLS."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from device.publish.log_lines import read_log
from tests.device.publish.mosquitto import free_port
from tests.scenarios.push.desk import NAME
from tests.scenarios.stage import Box, film

VISITS = ((0.5, 3.5), (5.0, 8.0))
SECONDS = 10.0
PROVE: dict[str, Any] = {
    "looks": 8, "shadow_s": 0.5, "shadow_frames": 5, "shadow_wait_s": 60, "shadow_share": 1.0, "trial_s": 2.0, "trial_frames": 25,
    "slower": 100, "drops": 1, "growth_mb": 500,  # these boxes share a machine with whatever else runs there
}  # fmt: skip


def endless_film(folder: Path) -> Path:
    return film(folder / "film.mkv", VISITS, SECONDS)


def box_in(
    folder: Path, device: str, film_: Path, factory: Path, trust: Path, *, broker: dict[str, Any] | None, update: dict[str, Any],
    **prove: Any,
) -> Box:  # fmt: skip
    """Not started yet. `factory`: the .vdb that it comes with."""
    models = folder / "models"
    models.mkdir(parents=True)
    shutil.copy(factory, models / f"{NAME}.vdb")
    settings = {
        "device_id": device,
        "data": str(folder / "data"),
        "model": {"folders": [str(models)], "workers": 1, "trial_s": 0},
        "patience_ms": 10_000,  # on a machine that is busy frames wait, so that what is lost is lost by the switch
        "cameras": {"yard": {"use": "file", "path": str(film_), "pace": "realtime", "loop": True}},
        "pipeline": {"detect": {"bundle": NAME, "min_confidence": 0.9}, "confirm": {"labels": ["box"]}, "motion": {"hold_ms": 3500}},
        "page": {"port": free_port()},
        "health": {"interval_s": 0.5},
        "record": None,
        "pictures": None,
        "update": {
            "trust": str(trust), "classes": "any", "retry_min_s": 0.2, "retry_max_s": 1, "reserve_mb": 1, "prove": {**PROVE, **prove},
            **update,
        },
    }  # fmt: skip
    if broker is not None:
        settings["mqtt"] = {"tls": "on", "reconnect_max_s": 2, **broker}
    path = folder / "device.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return Box(path)


@contextmanager
def ended(boxes: list[Box]) -> Iterator[None]:
    try:
        yield
    finally:
        for box in boxes:
            if box.process and box.process.poll() is None:
                box.process.kill()
                box.process.wait(10)


def lost(box: Box) -> dict[str, int]:
    """Of the box's own counters: frames that waited for analysis in vain, and those to which a model had no answer. What a machine has
    no time to read and decode is counted apart (`behind`, `broken`): of that no model is the cause."""
    camera = box.health()["cameras"]["yard"]
    found = {"overwritten": camera["dropped"].get("overwritten", 0), **camera["no_answer"]}
    return {name: number for name, number in found.items() if number}


def accounted(box: Box) -> bool:
    """Whether each frame that was offered has its fate. With one that vanished uncounted this is never true again; with those that are
    on their way it is not true yet."""
    cameras = box.health().get("cameras")
    if not cameras:
        return False
    camera = cameras["yard"]
    return bool(camera["offered"] == camera["analysed"] + camera["gated"] + sum(camera["dropped"].values()))


def looked(box: Box) -> int:
    health = box.health()
    return int(health["cameras"]["yard"]["analysed"]) if health.get("cameras") else 0


def models_of(box: Box) -> list[str]:
    """That events were seen by, in the order of the log; each run once. An end is told when a thing was not seen for a while, and names
    the model that saw it last: another may serve by then."""
    found = [str(event["model"]) for event in box.events() if event["life"] != "end"]
    return [model for number, model in enumerate(found) if number == 0 or found[number - 1] != model]


def logs(box: Box) -> list[tuple[str, set[str]]]:
    """Of each file, the oldest first: the model of its first line, and those of its events."""
    folder = box.data / "log"
    files = [*sorted(folder.glob("events-*.jsonl")), folder / "events.jsonl"]
    found = []
    for file in files:
        head, events = read_log(file)
        found.append((head.model or "", {event.model or "" for event in events if event.life != "end"}))
    return found


def standing(payload: bytes) -> dict[str, Any]:
    """Of up/update."""
    data: dict[str, Any] = json.loads(payload)["data"]
    return data
