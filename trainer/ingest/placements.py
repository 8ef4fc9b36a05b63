"""Placements: which model was seen on which box within which hour: first and last, so that the order of messages does not matter."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, case, or_
from sqlalchemy.dialects import postgresql, sqlite

from trainer.ingest.boxes import Box
from trainer.ingest.messages import Message
from trainer.store.registry_tables import placements

HOUR_US = 3_600_000_000
AHEAD_US = 24 * HOUR_US  # a clock that is further ahead than a day is wrong
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def see(connection: Connection, pairs: Iterable[tuple[Message, Box]], now_us: int) -> None:
    """What the messages say of models; an event's own model, in every other message the one that the box itself names."""
    rows: dict[tuple[int, str, int], dict[str, Any]] = {}
    for message, box in pairs:
        model, t_us = message.envelope.model, _time(message, now_us)
        if model is None or t_us is None or not DIGEST.fullmatch(model):
            continue
        key, told = (box.number, model, t_us // HOUR_US), int(message.kind != "event")
        row = rows.setdefault(key, {"device": key[0], "model": model, "hour": key[2], "from_us": t_us, "to_us": t_us, "told": told})
        row["from_us"], row["to_us"], row["told"] = min(row["from_us"], t_us), max(row["to_us"], t_us), max(row["told"], told)
    if rows:
        connection.execute(_widened(connection), [rows[key] for key in sorted(rows)])


def _time(message: Message, now_us: int) -> int | None:
    """When it was so; of a box without a clock when its message came, and nothing of what it sent late."""
    t_us = message.t_us
    if message.envelope.clk == "unsynced" or t_us > now_us + AHEAD_US:
        return None if message.envelope.replay else now_us
    return t_us if t_us >= 0 else None


def _widened(connection: Connection) -> Any:
    made = sqlite.insert(placements) if connection.dialect.name == "sqlite" else postgresql.insert(placements)
    new, old = made.excluded, placements.c
    least = case((new.from_us < old.from_us, new.from_us), else_=old.from_us)
    most = case((new.to_us > old.to_us, new.to_us), else_=old.to_us)
    told = case((new.told > old.told, new.told), else_=old.told)
    wider = or_(new.from_us < old.from_us, new.to_us > old.to_us, new.told > old.told)
    keys = [old.device, old.model, old.hour]
    return made.on_conflict_do_update(index_elements=keys, set_={"from_us": least, "to_us": most, "told": told}, where=wider)
