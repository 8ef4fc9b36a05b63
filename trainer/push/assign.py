"""Assign: what one box is to run, signed by a key of its own; the number of a box only rises, whatever was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, select, update

from contracts.update import Assignment, Mode, Model, SignedAssignment, UpdateSignature
from contracts.wire import utc_from_ns
from trainer.clock import Clock, wall_us
from trainer.registry.keys import SigningKey
from trainer.store.push_tables import assignments


@dataclass(frozen=True, slots=True)
class Waiting:
    """To be published, retained."""

    device: str
    seq: int
    body: str


class Assignments:
    """All within the transaction of who asks."""

    def __init__(self, key: SigningKey, clock: Clock) -> None:
        self._key, self._clock = key, clock

    def give(self, connection: Connection, device: str, rollout: str, model: Model | None, mode: Mode, days: float) -> int:
        """Its number. It is at least the time in seconds: a store that was brought back from a copy does not fall behind its boxes."""
        last = connection.execute(select(assignments.c.seq).where(assignments.c.device == device)).scalar()
        seq = max((last or 0) + 1, self._clock.wall_ns() // 1_000_000_000)
        expires = utc_from_ns(self._clock.wall_ns()) + timedelta(days=days)
        body = self._signed(Assignment(device=device, seq=seq, rollout=rollout, model=model, mode=mode, expires=expires))
        row = {"seq": seq, "rollout": rollout, "body": body, "sent": 0, "made_us": wall_us(self._clock)}
        if last is None:
            connection.execute(assignments.insert(), {"device": device, **row})
        else:
            connection.execute(update(assignments).where(assignments.c.device == device).values(row))
        return seq

    def _signed(self, assignment: Assignment) -> str:
        payload = assignment.model_dump_json()
        signature = UpdateSignature(keyid=self._key.public.keyid, sig=self._key.sign(payload.encode()).hex())
        return SignedAssignment(payload=payload, sigs=[signature]).model_dump_json()


def unsent(connection: Connection, most: int) -> list[Waiting]:
    columns = assignments.c.device, assignments.c.seq, assignments.c.body
    query = select(*columns).where(assignments.c.sent == 0).order_by(assignments.c.seq, assignments.c.device).limit(most)
    return [Waiting(*row) for row in connection.execute(query)]


def note_sent(connection: Connection, sent: Sequence[tuple[str, int]]) -> None:
    """The broker has them; one that was replaced meanwhile is still to be sent."""
    for device, seq in sent:
        same = assignments.c.device == device, assignments.c.seq == seq
        connection.execute(update(assignments).where(*same).values(sent=1))


def send_again(connection: Connection) -> None:
    """All of them: a broker that lost what it retained gets it back."""
    connection.execute(update(assignments).values(sent=0))
