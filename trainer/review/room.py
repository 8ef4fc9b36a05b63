"""Room: the queue holds so many open pictures; those whose turn comes last are passed over, and come back when there is room."""

from __future__ import annotations

from sqlalchemy import and_, func, or_, select, update

from trainer.store.database import Database
from trainer.store.review_tables import review_items


def make_room(database: Database, most: int) -> tuple[int, int]:
    """How many are open then, and how many passed over. One that somebody has begun stays open."""
    items = review_items.c
    waiting = items.state.in_(["open", "passed"])
    with database.write() as connection:
        last = select(items.turn, items.id).where(waiting).order_by(items.turn.desc(), items.id).offset(max(0, most)).limit(1)
        cut = connection.execute(last).one_or_none()
        behind = or_(items.turn < cut.turn, and_(items.turn == cut.turn, items.id >= cut.id)) if cut else items.turn < 0
        untouched = and_(items.version == 1, items.assignee == "")
        connection.execute(update(review_items).where(items.state == "open", behind, untouched).values(state="passed"))
        connection.execute(update(review_items).where(items.state == "passed", ~behind).values(state="open"))
        query = select(items.state, func.count()).where(waiting).group_by(items.state)
        counts = {str(state): int(count) for state, count in connection.execute(query)}
    return counts.get("open", 0), counts.get("passed", 0)
