"""Alerts: faults that last become retained messages, and empty ones when they are over; after a restart too."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from broker.letters import Letter
from contracts.errors import StorageError
from contracts.files import write_durably
from contracts.status import Alert
from contracts.topics import LEAF, Topics
from contracts.wear import Level
from contracts.wire import utc_from_ns
from device.pipeline.sqlite_file import PRIVATE
from device.publish.faults import Fault, Thresholds
from device.publish.notices import Notices
from device.publish.stamp import Stamp

log = logging.getLogger(__name__)
LOUDNESS: dict[Level, int] = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.ERROR}
WORST_FIRST = {"critical": 0, "warning": 1, "info": 2}


class Alerts:
    """Which are raised is kept in a small file, written only when that changes: what an earlier run raised is taken back."""

    def __init__(self, thresholds: Thresholds, topics: Topics, stamp: Stamp, notices: Notices | None, path: Path) -> None:
        self._topics, self._stamp, self._clock, self._notices, self._path = topics, stamp, stamp.clock, notices, path
        self._grace_ns = stamp.clock.mono_ns() + int(2 * thresholds.lasting_s * 1e9)
        self._since: dict[str, tuple[int, int]] = {}  # fault -> mono, wall when it began
        self.raised: dict[str, Alert] = {}
        self._earlier = _read(path)  # raised by a run before this one; taken back when the fault does not come again

    def step(self, now: Iterable[Fault]) -> None:
        present = {fault.id: fault for fault in now}
        mono_ns, wall_ns = self._clock.mono_ns(), self._clock.wall_ns()
        self._since = {id_: self._since.get(id_, (mono_ns, wall_ns)) for id_ in present}
        lasting = {id_: f for id_, f in present.items() if mono_ns - self._since[id_][0] >= f.after_s * 1e9}
        over = [id_ for id_ in self.raised if id_ not in present]
        stale = self._earlier - set(lasting) if mono_ns >= self._grace_ns else set()
        self._take_back([*over, *sorted(stale)])
        self._raise(lasting)

    def standing(self) -> list[Alert]:
        """The worst first, of each level the oldest."""
        return sorted(self.raised.values(), key=lambda alert: (WORST_FIRST[alert.level], alert.since, alert.id))

    def _raise(self, lasting: Mapping[str, Fault]) -> None:
        for id_, fault in lasting.items():
            since = utc_from_ns(self._since[id_][1])
            alert = Alert(id=id_, level=fault.level, text=fault.text, mend=fault.mend, since=since, camera=fault.camera)
            if self.raised.get(id_) == alert:
                continue
            new = id_ not in self.raised
            self.raised[id_] = alert
            self._post(id_, self._stamp.wrap("alert", alert).model_dump_json().encode())
            if new:
                log.log(LOUDNESS[fault.level], "alert: %s", fault.text, extra={"alert": id_, "alert_level": fault.level})
                self._keep()

    def _take_back(self, ids: list[str]) -> None:
        for id_ in ids:
            self.raised.pop(id_, None)
            self._post(id_, b"")
            log.info("alert over: %s", id_, extra={"alert": id_})
        if ids:
            self._earlier -= set(ids)
            self._keep()

    def _post(self, alert_id: str, payload: bytes) -> None:
        if self._notices:
            self._notices.post_state(Letter(self._topics.alert(alert_id), payload, retain=True))

    def _keep(self) -> None:
        self._earlier -= set(self.raised)
        try:
            known = [alert.model_dump(mode="json") for alert in self.standing()]
            said = {"format": 1, "raised": sorted({*self.raised, *self._earlier}), "alerts": known}
            write_durably(self._path, json.dumps(said).encode(), PRIVATE)
        except StorageError as error:
            log.warning("%s; after a restart an alert may stay at the broker", error)


def _read(path: Path) -> set[str]:
    try:
        return {id_ for id_ in json.loads(path.read_text())["raised"] if re.fullmatch(LEAF.strip("^$"), id_)}
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s could not be read (%s): alerts of the last run may stay at the broker", path, error)
        return set()
