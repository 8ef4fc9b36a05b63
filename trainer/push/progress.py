"""Progress: what boxes say moves rollouts on, or halts them; all of a step is one transaction, so a kill leaves the step before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, select, update

from contracts.envelope import read_envelope
from contracts.errors import ProtocolError
from contracts.topics import reserved
from contracts.update import ConfigRevision, Model, UpdateReport
from dataset.records import micros
from trainer.accounts.audit import Actor, Audit
from trainer.clock import Clock
from trainer.push.assign import Assignments
from trainer.push.configs import back_to
from trainer.push.receipts import key_of, signed_by_box
from trainer.push.rollout import ACTIVE, Rollout, Rollouts, counts, lock, rollout_in, rollout_of
from trainer.store.push_tables import push_marks, rollout_boxes, rollouts
from trainer.store.tables import devices, reports

log = logging.getLogger(__name__)
MOST = 2000  # reports of one step
ENDED = ("committed", "rejected")
NOBODY = Actor("trainer")
MARK = "reports"


class Progress:
    """`released`: what may run now, by target; a box can only be sent back to that."""

    def __init__(
        self, rollouts_: Rollouts, assignments: Assignments, released: Callable[[], Mapping[str, Model | ConfigRevision]], clock: Clock
    ) -> None:
        self._rollouts, self._assignments, self._released = rollouts_, assignments, released
        self._audit = Audit(rollouts_.database, clock)
        self.unread = 0

    def step(self) -> bool:
        """Whether there may be more to do at once."""
        with self._rollouts.database.write() as connection:
            lock(connection)
            self._assignments.sign_again(connection)
            read = self._read(connection)
            rows = connection.execute(select(rollouts).where(rollouts.c.state.in_(ACTIVE)).order_by(rollouts.c.created_us)).all()
            moved = [self._move(connection, rollout_of(row)) for row in rows]
        return any(moved) or read == MOST

    # ---- what boxes said

    def _read(self, connection: Connection) -> int:
        mark = connection.execute(select(push_marks.c.number).where(push_marks.c.name == MARK)).scalar()
        query = select(reports.c.number, reports.c.body, devices.c.name, devices.c.info).join(devices, devices.c.number == reports.c.device)
        query = query.where(reports.c.kind == "update", reports.c.number > (mark or 0)).order_by(reports.c.number).limit(MOST)
        rows = connection.execute(query).all()
        for row in rows:
            self._take(connection, row)
        if rows:
            number = {"number": rows[-1].number}
            same = push_marks.c.name == MARK
            connection.execute(
                push_marks.insert().values(name=MARK, **number) if mark is None else update(push_marks).where(same).values(number)
            )
        return len(rows)

    def _take(self, connection: Connection, row: Any) -> None:
        try:
            report = UpdateReport.model_validate(read_envelope(row.body.encode()).data)
        except (ProtocolError, ValidationError, RecursionError):
            self.unread += 1
            return
        if report.rollout is None or report.seq is None:
            return
        here = rollout_boxes.c
        mine = here.rollout == report.rollout, here.device == row.name, here.seq == report.seq
        box = connection.execute(select(rollout_boxes).where(*mine)).first()
        t_us = micros(report.at)
        if box is None or (t_us < box.t_us and not _ends(report, box)):
            return
        words = report.words.replace("\0", "")
        said = {"state": report.state, "code": report.code or "", "words": words, "percent": report.percent, "t_us": t_us}
        found = rollout_in(connection, report.rollout)
        if box.aim == "new":
            said |= self._looked_at(report, found, row.info, box)
        took = box.aim == "off" and report.state in ENDED and found.in_force(report) == found.digest
        if took:  # before it heard that it was called off
            said |= {"aim": "new", "state": "committed"}
        connection.execute(update(rollout_boxes).where(*mine).values(said))
        if took and found.state == "stopped":
            self._back(connection, found, box)

    def _looked_at(self, report: UpdateReport, found: Rollout, info: str | None, box: Row[Any]) -> dict[str, Any]:
        said: dict[str, Any] = {}
        if (now := found.in_force(report)) not in {None, found.digest}:
            said["before"] = now
        if report.state == "committed" and report.receipt is not None:
            good = signed_by_box(report.receipt, info, report, found.model)
            said["signed"] = int(bool(good))
            if good is False:
                said |= {"state": "rejected", "code": "E_SIG", "words": "its receipt is not signed by its own key; see who speaks for it"}
        elif report.state == "committed" and box.state != "committed" and key_of(info) is not None:
            said |= {"state": box.state, "words": "says that it took it, without a receipt of its key; see who speaks for it"}
        return said

    # ---- what follows from it

    def _move(self, connection: Connection, found: Rollout) -> bool:
        if found.state == "stopping":
            self._stop(connection, found)
            return True
        assigned = self._assign(connection, found) if found.state == "running" else 0
        now = counts(connection, found.name)
        if why := found.rules.broken(now.failed, now.assigned):
            self._halt(connection, found, why)
            return True
        if found.state != "running" or not found.rules.reached(now.accepted, now.assigned):
            return assigned > 0
        self._next(connection, found)
        return True

    def _assign(self, connection: Connection, found: Rollout) -> int:
        """All of the waves that have come."""
        here = rollout_boxes.c
        query = select(rollout_boxes).where(here.rollout == found.name, here.wave <= found.wave, here.aim == "").order_by(here.device)
        rows = connection.execute(query).all()
        for box in rows:
            before = _in_force(connection, found, box.device)
            self._give(connection, found, box, "new", found.model, before=None if before == found.digest else before)
        if rows:
            self._audit.note_in(connection, NOBODY, "boxes assigned", found.name, wave=found.wave, boxes=len(rows), digest=found.digest)
        return len(rows)

    def _next(self, connection: Connection, found: Rollout) -> None:
        here = rollout_boxes.c
        later = select(here.wave).where(here.rollout == found.name, here.wave > found.wave).order_by(here.wave).limit(1)
        wave = connection.execute(later).scalar()
        if wave is None:
            self._rollouts.set(connection, found, "done")
            self._audit.note_in(connection, NOBODY, "rollout done", found.name)
        elif found.rules.approve:
            self._rollouts.set(connection, found, "waiting", wave=wave - 1)
        else:
            self._rollouts.set(connection, found, "running", wave=wave)

    def _halt(self, connection: Connection, found: Rollout, why: str) -> None:
        """Nobody begins with it any more; who took it keeps it until somebody says `stop`."""
        off = self._call_off(connection, found)
        self._rollouts.set(connection, found, "halted", why=why)
        self._audit.note_in(connection, NOBODY, "rollout halted", found.name, why=why, called_off=off)
        log.warning("rollout %s halted: %s", found.name, why)

    def _stop(self, connection: Connection, found: Rollout) -> None:
        here = rollout_boxes.c
        took = select(rollout_boxes).where(here.rollout == found.name, here.aim == "new", here.state == "committed")
        rows = connection.execute(took).all()
        for box in rows:
            self._back(connection, found, box)
        off = self._call_off(connection, found)
        self._rollouts.set(connection, found, "stopped")
        self._audit.note_in(connection, NOBODY, "rollout stopped", found.name, back=len(rows), called_off=off)

    def _call_off(self, connection: Connection, found: Rollout) -> int:
        here = rollout_boxes.c
        query = select(rollout_boxes).where(here.rollout == found.name, here.aim == "new", here.state.not_in(ENDED))
        rows = connection.execute(query).all()
        for box in rows:
            self._give(connection, found, box, "off", None)
        return len(rows)

    def _back(self, connection: Connection, found: Rollout, box: Row[Any]) -> None:
        released = self._released()
        model: Model | ConfigRevision | None
        if isinstance(found.model, ConfigRevision):
            model = back_to(box.before, {target: each for target, each in released.items() if isinstance(each, ConfigRevision)})
        else:
            model = next((each for each in released.values() if isinstance(each, Model) and each.digest == box.before), None)
        if model is None:
            words = f"what it ran before ({box.before or 'not known'}) is not released; release it, or `vedette models rollback` on the box"
            mine = rollout_boxes.c.rollout == found.name, rollout_boxes.c.device == box.device
            connection.execute(update(rollout_boxes).where(*mine).values(aim="left", words=words))
            return
        self._give(connection, found, box, "back", model)

    def _give(
        self, connection: Connection, found: Rollout, box: Row[Any], aim: str, model: Model | ConfigRevision | None, **more: Any
    ) -> None:
        mine = rollout_boxes.c.rollout == found.name, rollout_boxes.c.device == box.device
        if reserved(box.device):  # since before that was so
            words = f"the broker knows somebody else as {box.device}; give the box another device_id and certificate"
            connection.execute(update(rollout_boxes).where(*mine).values(aim="left", words=words))
            return
        mode = found.rules.mode if aim == "new" else "live"
        seq = self._assignments.give(connection, box.device, found.name, model, mode, found.rules.days)
        said: dict[str, Any] = {"aim": aim, "seq": seq, "state": "", "code": "", "words": "", "percent": None, "t_us": 0, **more}
        connection.execute(update(rollout_boxes).where(*mine).values(said))


def _in_force(connection: Connection, found: Rollout, device: str) -> str | None:
    """Digest of what the box said it runs, when it last spoke of its updates."""
    query = select(reports.c.body).join(devices, devices.c.number == reports.c.device)
    query = query.where(devices.c.name == device, reports.c.kind == "update").order_by(reports.c.number.desc()).limit(1)
    body = connection.execute(query).scalar()
    try:
        return found.in_force(UpdateReport.model_validate(read_envelope(body.encode()).data)) if body else None
    except (ProtocolError, ValidationError, RecursionError):
        return None


def _ends(report: UpdateReport, box: Row[Any]) -> bool:
    """An end counts whenever it was: a box whose clock was in the future has nothing later to say, once its clock is right."""
    return report.state in ENDED and box.state not in ENDED
