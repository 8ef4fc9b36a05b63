"""Drifted: hours of what boxes see into the store; of two messages about one hour the fuller counts, so their order does not matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from contracts.drift import DriftHour
from dataset.records import micros
from trainer.ingest.boxes import Box
from trainer.ingest.messages import Message
from trainer.store.drift_tables import drift_hours

HOUR_US = 3_600_000_000
AHEAD_HOURS = 24  # a clock that is further ahead is wrong
KEPT_HOURS = 45 * 24  # older hours are not kept, so none are taken


def take(connection: Connection, pairs: Iterable[tuple[Message, Box]], counts: Counter[str], now_us: int) -> None:
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for message, box in pairs:
        if not isinstance(message.data, DriftHour):
            continue
        hour = micros(message.data.start) // HOUR_US
        if not now_us // HOUR_US - KEPT_HOURS <= hour <= now_us // HOUR_US + AHEAD_HOURS:
            counts["refused.range"] += 1
            continue
        counts["drift"] += 1
        for window in message.data.windows:
            key = (box.number, window.model, window.camera, hour)
            row = dict(zip(("device", "model", "camera", "hour"), key, strict=True))
            if key not in rows or rows[key]["frames"] < window.frames:
                rows[key] = {**row, "frames": window.frames, "body": window.model_dump_json(), "came_us": now_us}
    if rows:
        connection.execute(_fuller(connection), [rows[key] for key in sorted(rows)])


def _fuller(connection: Connection) -> Any:
    made = sqlite.insert(drift_hours) if connection.dialect.name == "sqlite" else postgresql.insert(drift_hours)
    new, old = made.excluded, drift_hours.c
    kept = {name: new[name] for name in ("frames", "body", "came_us")}
    keys = [old.device, old.model, old.camera, old.hour]
    return made.on_conflict_do_update(index_elements=keys, set_=kept, where=new.frames > old.frames)
