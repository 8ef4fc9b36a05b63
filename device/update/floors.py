"""Floors: versions and times that nothing goes below again, whatever a cache on the disk or a clock says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from sqlite3 import Connection

from contracts.wire import utc_from_ns
from device.clock import BUILT_NS, Clock
from device.update.state import State

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
TIME = "trusted"


class Floors:
    """They only rise. Each role's belongs to the keys it is signed with: a root that takes a stolen key away begins a new count."""

    def __init__(self, state: State) -> None:
        self._state = state

    def versions(self) -> dict[str, int]:
        with self._state.reading() as connection:
            return dict(connection.execute("SELECT role, version FROM floors").fetchall())

    def version(self, role: str) -> int:
        with self._state.reading() as connection:
            row = connection.execute("SELECT version FROM floors WHERE role = ?", (role,)).fetchone()
        return int(row[0]) if row else 0

    def rise(self, versions: Mapping[str, int], until: datetime | None = None, now: datetime | None = None, keys: str = TIME) -> None:
        """In one commit. The time rises to `now`, at most to `until`, when what was just verified ends: so a clock that jumped
        ahead cannot make it later than the end of what is known. It belongs to the `keys` it was verified with: what was remembered
        with others is forgotten, so that a root which takes a stolen online key away takes with it what a thief made of the time."""
        with self._state.writing() as connection:
            self.rise_with(connection, versions)
            if until is not None and now is not None:
                connection.execute("DELETE FROM times WHERE name != ?", (keys,))
                connection.execute(
                    "INSERT INTO times VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET wall_ns = max(wall_ns, excluded.wall_ns)",
                    (keys, _ns(min(now, until))),
                )

    def rise_with(self, connection: Connection, versions: Mapping[str, int]) -> None:
        """In the commit of something else."""
        for role, version in versions.items():
            connection.execute(
                "INSERT INTO floors VALUES (?, ?) ON CONFLICT (role) DO UPDATE SET version = max(version, excluded.version)",
                (role, version),
            )

    def now(self, clock: Clock, keys: str | None = None) -> datetime:
        """The clock's time, or the latest that is known to have been: a box without a battery begins in 1970. `keys`: with these."""
        with self._state.reading() as connection:
            found = dict(connection.execute("SELECT name, wall_ns FROM times").fetchall())
        known = max(found.values(), default=0) if keys is None else found.get(keys, 0)
        return utc_from_ns(max(clock.wall_ns(), known, BUILT_NS))


def _ns(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1) * 1000
