"""Rollout: a release on its way to boxes, wave by wave; what people decide of it. What follows from reports is in progress.py."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select, text, update

from contracts.errors import ConfigError
from contracts.topics import Topics, reserved
from contracts.update import ConfigRevision, Model, UpdateReport
from trainer.accounts.audit import Actor, Audit
from trainer.clock import Clock, wall_us
from trainer.push.waves import Rules, waves
from trainer.store.database import Database
from trainer.store.push_tables import rollout_boxes, rollouts
from trainer.store.tables import devices

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
ACTIVE = ("running", "waiting", "paused", "stopping")
LOCK = 0x7665646574747573  # of PostgreSQL: of those who change rollouts one does
FROM = {"pause": ("running", "waiting"), "resume": ("paused",), "approve": ("waiting",)}


@dataclass(frozen=True, slots=True)
class Rollout:
    name: str
    digest: str
    model: Model | ConfigRevision
    rules: Rules
    state: str
    wave: int
    why: str
    who: str
    created_us: int
    changed_us: int

    @property
    def label(self) -> str:
        """What it brings, for people."""
        if isinstance(self.model, Model):
            return f"{self.model.name} {self.model.version}"
        return f"configuration {self.model.target.split('/')[1]} {self.model.rev}"

    def in_force(self, report: UpdateReport) -> str | None:
        """What of its kind the box runs, as it says."""
        if isinstance(self.model, Model):
            return report.current
        return f"sha256:{report.config_current}" if report.config_current else None


@dataclass(frozen=True, slots=True)
class Counts:
    """Of boxes. `pending` were assigned and have not come to an end, whether they are at it or offline."""

    boxes: int
    assigned: int
    accepted: int
    failed: int

    @property
    def pending(self) -> int:
        return self.assigned - self.accepted - self.failed


class Rollouts:
    """Each change is a transaction with its line in the audit."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self._clock = database, clock
        self._audit = Audit(database, clock)

    def start(
        self, name: str, model: Model | ConfigRevision, boxes: Sequence[str], canaries: Sequence[str], rules: Rules, actor: Actor
    ) -> Rollout:
        """ConfigError: the name is taken, a box is in another that is under way, or none is named."""
        if not NAME.fullmatch(name):
            raise ConfigError(f"rollout {name[:90]!r}: is no name; use letters, digits, dots, hyphens and underscores, at most 80")
        placed = waves(name, boxes, canaries, rules.steps)
        for device in placed:
            Topics(device)
        now = wall_us(self._clock)
        digest = model.digest if isinstance(model, Model) else f"sha256:{model.sha256}"
        row = {
            "name": name, "digest": digest, "model": model.model_dump_json(), "rules": rules.model_dump_json(), "state": "running",
            "wave": min(placed.values()), "who": actor.name[:64], "created_us": now, "changed_us": now,
        }  # fmt: skip
        with self.database.write() as connection:
            lock(connection)
            if connection.execute(select(rollouts.c.name).where(rollouts.c.name == name)).first():
                raise ConfigError(f"rollout {name}: is there already, and its history stays; choose another name")
            self._free(connection, placed)
            connection.execute(rollouts.insert(), row)
            connection.execute(rollout_boxes.insert(), [{"rollout": name, "device": d, "wave": wave} for d, wave in placed.items()])
            self._audit.note_in(connection, actor, "rollout started", name, digest=digest, boxes=len(placed), rules=rules.model_dump())
        return self.get(name)

    def decide(self, name: str, what: str, actor: Actor) -> Rollout:
        """pause, resume or approve. ConfigError where that makes no sense now."""
        with self.database.write() as connection:
            lock(connection)
            found = rollout_in(connection, name)
            if found.state not in FROM[what]:
                raise ConfigError(f"rollout {name}: is {found.state}; only one that is {' or '.join(FROM[what])} can be told to {what}")
            if what == "approve":
                self.set(connection, found, "running", wave=found.wave + 1)
            else:
                self.set(connection, found, "paused" if what == "pause" else "running")
            self._audit.note_in(connection, actor, f"rollout {what}", name, wave=found.wave)
        return self.get(name)

    def stop(self, name: str, why: str, actor: Actor) -> Rollout:
        """Emergency: who has not taken it is called off, who has goes back to what it ran before. Also of one that is done or halted."""
        with self.database.write() as connection:
            lock(connection)
            found = rollout_in(connection, name)
            if found.state not in {"stopping", "stopped"}:
                self.set(connection, found, "stopping", why=f"stopped by {actor.name or 'somebody'}: {why}"[:1000])
                self._audit.note_in(connection, actor, "rollout stop", name, why=why)
        return self.get(name)

    def get(self, name: str) -> Rollout:
        with self.database.read() as connection:
            return rollout_in(connection, name)

    def listed(self, most: int = 50) -> list[tuple[Rollout, Counts]]:
        """Newest first."""
        with self.database.read() as connection:
            rows = connection.execute(select(rollouts).order_by(rollouts.c.created_us.desc(), rollouts.c.name).limit(most)).all()
            return [(rollout_of(row), counts(connection, row.name)) for row in rows]

    def boxes(self, name: str, after: str = "", most: int = 200) -> list[dict[str, Any]]:
        """What each says, with whether it is online; in the order of waves and names."""
        wave, _, device = after.partition(".")
        here = rollout_boxes.c
        query = select(rollout_boxes, devices.c.state.label("online")).join(devices, devices.c.name == here.device, isouter=True)
        query = query.where(here.rollout == name).order_by(here.wave, here.device).limit(most)
        if wave.isdigit():
            query = query.where((here.wave > int(wave)) | ((here.wave == int(wave)) & (here.device > device)))
        with self.database.read() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def counted(self, name: str) -> Counts:
        with self.database.read() as connection:
            return counts(connection, name)

    def heard_of(self) -> list[str]:
        """Every box that ever said something here, under a name that boxes may have."""
        with self.database.read() as connection:
            names = connection.execute(select(devices.c.name).order_by(devices.c.name)).scalars()
            return [name for name in names if not reserved(name)]

    def set(self, connection: Connection, found: Rollout, state: str, **more: Any) -> None:
        said = {"state": state, "changed_us": wall_us(self._clock), **more}
        connection.execute(update(rollouts).where(rollouts.c.name == found.name).values(said))

    def _free(self, connection: Connection, placed: dict[str, int]) -> None:
        """A box follows one at a time."""
        query = select(rollout_boxes.c.device, rollouts.c.name).join(rollouts).where(rollouts.c.state.in_(ACTIVE))
        taken = next((row for row in connection.execute(query) if row.device in placed), None)
        if taken is not None:
            raise ConfigError(f"box {taken.device}: is in rollout {taken.name}, which is under way; let that end, or stop it")


def lock(connection: Connection) -> None:
    """SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))


def rollout_in(connection: Connection, name: str) -> Rollout:
    row = connection.execute(select(rollouts).where(rollouts.c.name == name)).first()
    if row is None:
        raise ConfigError(f"rollout {name[:90]!r}: there is none; `vedette-trainer rollout ls` names them")
    return rollout_of(row)


def rollout_of(row: Row[Any]) -> Rollout:
    said = dict(row._mapping)
    kind = Model if "digest" in json.loads(said["model"]) else ConfigRevision
    return Rollout(**{**said, "model": kind.model_validate_json(said["model"]), "rules": Rules.model_validate_json(said["rules"])})


def counts(connection: Connection, name: str) -> Counts:
    here = rollout_boxes.c
    query = select(here.aim, here.state, func.count()).where(here.rollout == name).group_by(here.aim, here.state)
    rows = connection.execute(query).all()
    new = [(state, number) for aim, state, number in rows if aim == "new"]
    return Counts(
        boxes=sum(number for _, _, number in rows),
        assigned=sum(number for _, number in new),
        accepted=sum(number for state, number in new if state == "committed"),
        failed=sum(number for state, number in new if state == "rejected"),
    )
