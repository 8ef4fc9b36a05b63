"""Assign: what one box is to run, signed by a key of its own; the number of a box only rises, whatever was lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, select, update

from contracts.topics import RESERVED, TRAINERS
from contracts.update import Assignment, ConfigRevision, Mode, Model, SignedAssignment, UpdateSignature
from contracts.wire import utc_from_ns
from trainer.clock import Clock, wall_us
from trainer.registry.keys import SigningKey
from trainer.store.push_tables import assignments, rollout_boxes


@dataclass(frozen=True, slots=True)
class Waiting:
    """To be published, retained."""

    device: str
    seq: int
    body: str


class Assignments:
    """All within the transaction of who asks. `key` is asked for each time: a ceremony may have exchanged it."""

    def __init__(self, key: Callable[[], SigningKey], clock: Clock) -> None:
        self._key, self._clock = key, clock
        self._signed_by = ""

    def give(self, connection: Connection, device: str, rollout: str, what: Model | ConfigRevision | None, mode: Mode, days: float) -> int:
        """Its number. It is at least the time in seconds: a store that was brought back from a copy does not fall behind its boxes.
        A box that has not come to the end of its last assignment, as one that is offline, gets the other half of that as well."""
        last = connection.execute(select(assignments.c.seq).where(assignments.c.device == device)).scalar()
        model, config = _with_the_other(connection, device, what)
        seq = max((last or 0) + 1, self._clock.wall_ns() // 1_000_000_000)
        expires = utc_from_ns(self._clock.wall_ns()) + timedelta(days=days)
        said = Assignment(device=device, seq=seq, rollout=rollout, model=model, config=config, mode=mode, expires=expires)
        body = _signed(said.model_dump_json(), self._key())
        row = {"seq": seq, "rollout": rollout, "body": body, "sent": 0, "made_us": wall_us(self._clock)}
        if last is None:
            connection.execute(assignments.insert(), {"device": device, **row})
        else:
            connection.execute(update(assignments).where(assignments.c.device == device).values(row))
        return seq

    def sign_again(self, connection: Connection) -> int:
        """After the key was exchanged: what boxes have not answered yet, word for word, by the new one."""
        key = self._key()
        if key.public.keyid == self._signed_by:
            return 0
        same = (rollout_boxes.c.device == assignments.c.device) & (rollout_boxes.c.seq == assignments.c.seq)
        query = select(assignments.c.device, assignments.c.body).join(rollout_boxes, same).where(rollout_boxes.c.state == "")
        count = 0
        for device, body in connection.execute(query).all():
            said = SignedAssignment.model_validate_json(body)
            if key.public.keyid not in {each.keyid for each in said.sigs}:
                new = {"body": _signed(said.payload, key), "sent": 0}
                connection.execute(update(assignments).where(assignments.c.device == device).values(new))
                count += 1
        self._signed_by = key.public.keyid
        return count


def _with_the_other(connection: Connection, device: str, what: Model | ConfigRevision | None) -> tuple[Model | None, ConfigRevision | None]:
    if what is None:
        return None, None
    same = (rollout_boxes.c.device == assignments.c.device) & (rollout_boxes.c.seq == assignments.c.seq)
    query = select(assignments.c.body, rollout_boxes.c.state).join(rollout_boxes, same).where(assignments.c.device == device)
    row = connection.execute(query).first()
    unfinished = row is not None and row.state not in {"committed", "rejected"}
    last = Assignment.model_validate_json(SignedAssignment.model_validate_json(row.body).payload) if row and unfinished else None
    if isinstance(what, Model):
        return what, last.config if last else None
    return last.model if last else None, what


def _signed(payload: str, key: SigningKey) -> str:
    signature = UpdateSignature(keyid=key.public.keyid, sig=key.sign(payload.encode()).hex())
    return SignedAssignment(payload=payload, sigs=[signature]).model_dump_json()


def unsent(connection: Connection, most: int) -> list[Waiting]:
    """None for a box of before, whose name is somebody else's at the broker now: nothing may be sent there."""
    device = assignments.c.device
    query = select(device, assignments.c.seq, assignments.c.body).where(assignments.c.sent == 0)
    query = query.where(device.not_in(sorted(RESERVED)), ~device.startswith(TRAINERS))
    query = query.order_by(assignments.c.seq, device).limit(most)
    return [Waiting(*row) for row in connection.execute(query)]


def note_sent(connection: Connection, sent: Sequence[tuple[str, int]]) -> None:
    """The broker has them; one that was replaced meanwhile is still to be sent."""
    for device, seq in sent:
        same = assignments.c.device == device, assignments.c.seq == seq
        connection.execute(update(assignments).where(*same).values(sent=1))


def send_again(connection: Connection) -> None:
    """All of them: a broker that lost what it retained gets it back."""
    connection.execute(update(assignments).values(sent=0))
