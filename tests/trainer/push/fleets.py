"""A fleet that is made up: what its boxes say goes through the ingest's own parts into the store."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from contracts.dsse import KeyValue, PublicKey
from contracts.update import Assignment, Model, Receipt, SignedAssignment, SignedReceipt, UpdateReport, UpdateSignature
from contracts.wire import utc_from_ns
from device.update.assigned import read_assignment
from tests.trainer.ingest.boxes import came, envelope
from tests.trainer.push.yards import HandClock, Yard
from trainer.ingest.messages import read_message
from trainer.ingest.options import Options
from trainer.ingest.writer import Writer
from trainer.push.assign import Assignments
from trainer.push.keys import assignment_key
from trainer.push.place import Place
from trainer.push.progress import Progress
from trainer.push.rollout import Rollouts
from trainer.registry.keys import SigningKey
from trainer.store.database import Database
from trainer.store.push_tables import assignments

OLD = Model(target="models/m/m-1.0.0-a.vdb", digest="sha256:" + "1" * 64, sha256="1" * 64, length=10, name="m0", version="1.0.0")
NEW = Model(target="models/m/m-2.0.0-b.vdb", digest="sha256:" + "2" * 64, sha256="2" * 64, length=10, name="m0", version="2.0.0")
STATES = ("offered", "downloading", "verified", "preflight", "building", "selftest", "shadow", "trial", "committed")


@dataclass
class Fleet:
    """`failing` refuse at their self-test; who is `away` says nothing and hears nothing."""

    yard: Yard
    database: Database
    failing: set[str] = field(default_factory=set)
    away: set[str] = field(default_factory=set)
    current: dict[str, str] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    messages: int = 0
    numbers: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.writer = Writer(self.database, Options(), Counter())
        self.released = {OLD.target: OLD, NEW.target: NEW}
        self.open()

    def open(self) -> None:
        """As a program that starts: nothing of the last one is known but what is in the store."""
        self.rollouts = Rollouts(self.database, self.clock)
        assigning = Assignments(lambda: assignment_key(Place(self.yard.home)), self.clock)
        self.progress = Progress(self.rollouts, assigning, lambda: self.released, self.clock)

    @property
    def clock(self) -> HandClock:
        return self.yard.clock

    def told(self) -> list[Assignment]:
        """What stands under dn/desired and a box that is there has not seen, read as a box reads it."""
        with self.database.read() as connection:
            rows = connection.execute(select(assignments.c.device, assignments.c.seq, assignments.c.body)).all()
        fresh = [row for row in rows if row.device not in self.away and self.seen.get(row.device, 0) < row.seq]
        for row in fresh:
            self.seen[row.device] = row.seq
        return [read_assignment(row.body.encode(), self.yard.keys) for row in fresh]

    def say(self, said: Iterable[tuple[Assignment, str, dict[str, Any]]]) -> None:
        """One batch of the ingest."""
        batch = []
        for assignment, state, more in said:
            device = str(assignment.device)
            self.clock.now_ns += 1_000_000
            report = UpdateReport.model_validate({
                "state": state, "model": assignment.model.digest if assignment.model else None, "rollout": assignment.rollout,
                "seq": assignment.seq, "at": utc_from_ns(self.clock.now_ns), "current": self.current.get(device, OLD.digest),
                "head": "0" * 64, **more,
            })  # fmt: skip
            self.numbers[device] += 1
            batch.append(self._message(device, report.model_dump(mode="json"), "update"))
        self.writer.write(batch, self.clock.now_ns // 1000)
        self.messages += len(batch)

    def introduce(self, devices: Sequence[str], keys: dict[str, PublicKey] | None = None) -> None:
        """up/status of each, which makes them known; up/info with a key where there is one."""
        batch = [self._message(each, {"state": "online", "session": "s1", "software": "0.1.0"}, "status") for each in devices]
        self.writer.write(batch, self.clock.now_ns // 1000)
        for device, key in (keys or {}).items():
            with self.database.write() as connection:
                from trainer.store.tables import devices as table

                info = json.dumps({"data": {"key": key.model_dump(mode="json")}})
                connection.execute(table.update().where(table.c.name == device).values(info=info))

    def _message(self, device: str, data: dict[str, Any], kind: str) -> Any:
        raw = envelope(device, None, data, kind, boot=f"b{self.numbers[device]}")
        return read_message(came(device, raw, kind))

    def live(self, told: Sequence[Assignment], states: Sequence[str] = ("offered", "committed")) -> None:
        """Each goes its whole way."""
        lines: list[tuple[Assignment, str, dict[str, Any]]] = []
        for each in told:
            device = str(each.device)
            if each.model is None:
                lines.append((each, "committed", {}))
                continue
            for state in states:
                if state == "committed" and device in self.failing and each.model == NEW:
                    lines.append((each, "rejected", {"code": "E_GOLDEN", "words": "golden answers differ"}))
                    continue
                if state == "committed":
                    self.current[device] = each.model.digest
                lines.append((each, state, {"current": self.current.get(device, OLD.digest)}))
        self.say(lines)

    def go(self, states: Sequence[str] = ("offered", "committed")) -> None:
        """Until nothing happens any more."""
        while True:
            while self.progress.step():
                pass
            told = self.told()
            if not told:
                return
            self.live(told, states)


def names(count: int) -> list[str]:
    return [f"box-{number:04}" for number in range(count)]


def receipt(fleet: Fleet, assignment: Assignment, key: SigningKey) -> SignedReceipt:
    said = Receipt(
        device=str(assignment.device), model=NEW, rollout=assignment.rollout, seq=assignment.seq,
        accepted=utc_from_ns(fleet.clock.now_ns) + timedelta(0), head="0" * 64,
    ).model_dump_json()  # fmt: skip
    return SignedReceipt(payload=said, sig=UpdateSignature(keyid=key.public.keyid, sig=key.sign(said.encode()).hex()))


def public(key: SigningKey) -> PublicKey:
    return PublicKey(keyval=KeyValue(public=key.public.keyval.public))


def body_of(raw: str) -> Assignment:
    return Assignment.model_validate_json(SignedAssignment.model_validate_json(raw).payload)
