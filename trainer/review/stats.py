"""Stats: how the queue stands: what waits and why, what was said, how long it took, and what it says of the models in the field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from trainer.review.desk import WAITS
from trainer.review.evidence import About, document, estimates
from trainer.store.database import Database
from trainer.store.review_tables import review_items, review_labels, review_sets

ANSWERED = ("done", "skipped", "unsure")


def statistics(database: Database, sets: Path, about: About | None = None) -> dict[str, Any]:
    items, labels = review_items.c, review_labels.c
    about = about or About()
    with database.read() as connection:
        states = select(items.state, func.count()).group_by(items.state)
        reasons = select(items.reason, items.state, func.count()).where(items.state.in_(["open", *ANSWERED]))
        by_state = {str(state): int(count) for state, count in connection.execute(states)}
        by_reason: dict[str, dict[str, int]] = {}
        for reason, state, count in connection.execute(reasons.group_by(items.reason, items.state)):
            by_reason.setdefault(str(reason), {})[str(state)] = int(count)
        answered = select(func.count(), func.sum(items.seconds), func.sum(items.count)).where(items.state.in_(ANSWERED))
        count, seconds, boxes = connection.execute(answered).one()
        who = select(labels.who, func.count(), func.sum(labels.seconds)).where(labels.kind == "answer").group_by(labels.who)
        people = {str(name): {"answers": int(n), "seconds": round(float(s or 0), 1)} for name, n, s in connection.execute(who)}
        waiting = int(connection.execute(select(func.count()).where(labels.written == WAITS)).scalar_one())
        filled = {str(name): int(at) for name, at in connection.execute(select(review_sets.c.name, review_sets.c.filled_us))}
    return {
        "states": {state: by_state.get(state, 0) for state in ("open", *ANSWERED, "passed", "twin", "gone")},
        "reasons": dict(sorted(by_reason.items())),
        "answered": int(count),
        "seconds": round(float(seconds or 0), 1),
        "seconds_per_item": round(float(seconds or 0) / count, 2) if count else None,
        "boxes": int(boxes or 0),
        "people": dict(sorted(people.items())),
        "unwritten": waiting,
        "sets": {name: {"filled_us": at, "there": (sets / name / "manifest.jsonl").is_file()} for name, at in sorted(filled.items())},
        "estimates": document(estimates(database, about)),
    }
