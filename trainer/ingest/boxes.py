"""Boxes: what is known of each box, in memory as the store has it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, delete, select, update

from contracts.status import Status
from trainer.ingest.messages import Refused
from trainer.ingest.sequences import Gap, Sequence
from trainer.store.catalogue import insert_or_ignore
from trainer.store.tables import devices, gaps

HERE_US = 60_000_000  # a box that was heard so lately is there, whatever its status says


@dataclass
class Box:
    number: int
    name: str
    sequence: Sequence
    last_us: int = 0
    shed_to: int = 0
    state: str = ""
    session: str = ""
    state_us: int | None = None
    software: str = ""
    profile: str = ""
    gaps_written: list[Gap] = field(default_factory=list)

    def there(self, now_us: int) -> bool:
        return self.state == "online" or (self.state == "" and now_us - self.last_us < HERE_US)

    def take_status(self, status: Status, t_us: int) -> None:
        """A last will counts only for the connection that was the last to begin."""
        if status.state == "lost" and self.session and status.session != self.session:
            return
        self.state, self.session, self.state_us = status.state, status.session, t_us
        self.software = status.software or self.software

    def row(self) -> dict[str, object]:
        sequence = self.sequence
        return {
            "key": self.number, "last_us": self.last_us, "low": sequence.low, "high": sequence.high, "journal": sequence.journal,
            "shed_to": self.shed_to, "state": self.state, "session": self.session, "state_us": self.state_us,
            "software": self.software, "profile": self.profile,
        }  # fmt: skip


class Boxes:
    """Loaded at the start, and again after a transaction that failed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.by_name: dict[str, Box] = {}

    def load(self, connection: Connection) -> None:
        open_gaps: dict[int, list[Gap]] = defaultdict(list)
        for row in connection.execute(select(gaps).where(gaps.c.state == "open").order_by(gaps.c.first)):
            open_gaps[row.device].append(Gap(row.first, row.last, row.seen_us, row.asked, row.asked_us))
        self.by_name = {}
        for row in connection.execute(select(devices)):
            found = open_gaps[row.number]
            sequence = Sequence(row.low, row.high, row.journal, list(found))
            self.by_name[row.name] = Box(
                row.number, row.name, sequence, row.last_us, row.shed_to, row.state, row.session, row.state_us, row.software,
                row.profile, found,
            )  # fmt: skip

    def meet(self, connection: Connection, names: set[str], now_us: int) -> None:
        """Boxes that were never heard of get their rows."""
        strange = sorted(names - self.by_name.keys())[: max(0, self._most - len(self.by_name))]
        if not strange:
            return
        connection.execute(insert_or_ignore(connection, devices), [{"name": n, "first_us": now_us, "last_us": now_us} for n in strange])
        for row in connection.execute(select(devices.c.number, devices.c.name).where(devices.c.name.in_(strange))):
            self.by_name[row.name] = Box(row.number, row.name, Sequence(), now_us)

    def of(self, name: str) -> Box:
        box = self.by_name.get(name)
        if box is None:
            raise Refused("devices", f"{name}: {self._most} boxes are known already; raise --max-devices, or see who writes to the broker")
        return box

    def save(self, connection: Connection, touched: list[Box], now_us: int) -> None:
        """Each touched box with its numbers; gaps only where they changed."""
        if not touched:
            return
        columns = [name for name in touched[0].row() if name != "key"]
        said = update(devices).where(devices.c.number == bindparam("key")).values({name: bindparam(name) for name in columns})
        connection.execute(said, [box.row() for box in touched])
        for box in touched:
            if box.sequence.lost:
                write_lost(connection, box, box.sequence.lost, "gone", "the journal of the box began anew", now_us)
                box.sequence.lost = []
            if box.gaps_written != box.sequence.gaps:
                self._save_gaps(connection, box)

    def _save_gaps(self, connection: Connection, box: Box) -> None:
        connection.execute(delete(gaps).where(gaps.c.device == box.number, gaps.c.state == "open"))
        rows = [_row(box, gap, "open", "") for gap in box.sequence.gaps]
        if rows:
            connection.execute(gaps.insert(), rows)
        box.gaps_written = list(box.sequence.gaps)


def write_lost(connection: Connection, box: Box, lost: list[Gap], state: str, reason: str, now_us: int) -> None:
    """What will not come, kept for ever: that something is missing is part of the data."""
    if lost:
        connection.execute(gaps.insert(), [{**_row(box, gap, state, reason), "asked_us": now_us} for gap in lost])


def _row(box: Box, gap: Gap, state: str, reason: str) -> dict[str, object]:
    return {
        "device": box.number, "journal": box.sequence.journal, "first": gap.first, "last": gap.last, "state": state,
        "seen_us": gap.seen_us, "asked": gap.asked, "asked_us": gap.asked_us, "reason": reason[:200],
    }  # fmt: skip
