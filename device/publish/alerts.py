"""Alerts: faults that last become retained messages, and empty ones when they are over; after a restart too."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from broker.letters import Letter
from contracts.errors import StorageError
from contracts.files import write_durably
from contracts.health import Health
from contracts.status import Alert
from contracts.topics import LEAF, Topics
from contracts.wire import utc_from_ns
from device.pipeline.sqlite_file import PRIVATE
from device.pipeline.strict import Strict
from device.publish.notices import Notices
from device.publish.stamp import Stamp

log = logging.getLogger(__name__)
GiB = 1 << 30


class Thresholds(Strict):
    lasting_s: float = Field(default=30, ge=0, description="a camera or part in trouble for so many seconds is an alert")
    clock_s: float = Field(default=300, ge=0, description="a clock that nobody sets for so many seconds is an alert")
    disk_free_percent: float = Field(default=3, ge=0, le=100, description="less free than this is an alert")
    temperature_c: float = Field(default=90, description="hotter than this for `lasting_s` is an alert")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong now; it becomes an alert when it has lasted `after_s`."""

    id: str
    level: Literal["warning", "error"]
    text: str
    after_s: float
    camera: str | None = None


def faults(health: Health, thresholds: Thresholds) -> list[Fault]:
    """Everything wrong in a report."""
    found = [
        Fault(f"camera-{slug(name)}", "error", f"camera {name}: {camera.reason or camera.state}", thresholds.lasting_s, name)
        for name, camera in health.cameras.items()
        if camera.state == "retrying"
    ]
    for name, part in health.parts.items():
        if part.state != "ok":
            level: Literal["warning", "error"] = "error" if part.state == "failed" else "warning"
            found.append(Fault(f"part-{slug(name)}", level, f"{name}: {part.reason}", thresholds.lasting_s))
    found += [Fault(f"worker-{slug(name)}", "error", f"{name}: has stopped going round", 0) for name in health.late]
    return found + _system_faults(health, thresholds)


def _system_faults(health: Health, thresholds: Thresholds) -> list[Fault]:
    found, system = [], health.system
    if system.disk_total_bytes and system.disk_free_bytes is not None:
        percent = 100 * system.disk_free_bytes / system.disk_total_bytes
        if percent < thresholds.disk_free_percent:
            text = f"disk: {system.disk_free_bytes / GiB:.1f} GiB ({percent:.1f} %) free; delete recordings or give them less room"
            found.append(Fault("disk", "error", text, 0))
    if system.clock == "unsynced":
        found.append(Fault("clock", "warning", "clock: nobody sets it; give the box a time server", thresholds.clock_s))
    if system.temperature_c is not None and system.temperature_c > thresholds.temperature_c:
        text = f"temperature: {system.temperature_c:.0f} degrees; check fan and airflow"
        found.append(Fault("temperature", "warning", text, thresholds.lasting_s))
    return found


def slug(name: str) -> str:
    """A name as it may stand in a topic."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50] or "unnamed"


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

    def _raise(self, lasting: Mapping[str, Fault]) -> None:
        for id_, fault in lasting.items():
            since = utc_from_ns(self._since[id_][1])
            alert = Alert(id=id_, level=fault.level, text=fault.text, since=since, camera=fault.camera)
            if self.raised.get(id_) == alert:
                continue
            new = id_ not in self.raised
            self.raised[id_] = alert
            self._post(id_, self._stamp.wrap("alert", alert).model_dump_json().encode())
            if new:
                log.warning("alert: %s", fault.text)
                self._keep()

    def _take_back(self, ids: list[str]) -> None:
        for id_ in ids:
            self.raised.pop(id_, None)
            self._post(id_, b"")
            log.info("alert over: %s", id_)
        if ids:
            self._earlier -= set(ids)
            self._keep()

    def _post(self, alert_id: str, payload: bytes) -> None:
        if self._notices:
            self._notices.post_state(Letter(self._topics.alert(alert_id), payload, retain=True))

    def _keep(self) -> None:
        self._earlier -= set(self.raised)
        try:
            write_durably(self._path, json.dumps({"format": 1, "raised": sorted({*self.raised, *self._earlier})}).encode(), PRIVATE)
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
