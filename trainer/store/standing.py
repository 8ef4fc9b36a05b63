"""Standing: what is in the store, counted."""

from __future__ import annotations

from sqlalchemy import func, select

from trainer.store.database import Database
from trainer.store.tables import blobs, devices, event_messages, events, exports, gaps, items, reports

TABLES = {
    "devices": devices, "messages": event_messages, "events": events, "reports": reports, "data sets": exports, "pictures": items,
    "blobs": blobs,
}  # fmt: skip


def standing(database: Database) -> dict[str, object]:
    """Rows of each table, and numbers of messages that are missing, by state."""
    with database.read() as connection:
        counts = {name: connection.execute(select(func.count()).select_from(table)).scalar() for name, table in TABLES.items()}
        query = select(gaps.c.state, func.sum(gaps.c.last - gaps.c.first + 1)).group_by(gaps.c.state)
        missing = {str(state): int(number) for state, number in connection.execute(query)}
    return {**counts, "missing": missing}
