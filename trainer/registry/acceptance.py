"""Acceptance: what boxes said of a model, where it was brought to any; the title is for one that enough of them took."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from contracts.errors import ConfigError
from trainer.registry.model import Model
from trainer.store.push_tables import rollout_boxes, rollouts

OVER = ("halted", "stopping", "stopped")


def require_accepted(connection: Connection, model: Model) -> None:
    """Of its newest rollout, which is done when its share of success was reached in every wave. One that was never brought to a box
    stands on its verdict alone."""
    newest = select(rollouts.c.name, rollouts.c.state).where(rollouts.c.digest == model.digest)
    found = connection.execute(newest.order_by(rollouts.c.created_us.desc(), rollouts.c.name.desc()).limit(1)).first()
    if found is None or found.state == "done":
        return
    query = select(rollout_boxes.c.state, func.count()).where(rollout_boxes.c.rollout == found.name, rollout_boxes.c.seq.is_not(None))
    said = {state: int(count) for state, count in connection.execute(query.group_by(rollout_boxes.c.state))}
    took = f"{said.get('committed', 0)} of {sum(said.values())} boxes took it, {said.get('rejected', 0)} refused"
    mend = "make a better one, or bring it to boxes again" if found.state in OVER else "wait until that is done"
    raise ConfigError(f"model {model.name} {model.version}: rollout {found.name} is {found.state}, in which {took}; {mend}")
