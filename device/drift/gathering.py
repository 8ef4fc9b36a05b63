"""Gathering: adds up looks by the hour, keeps the hours through restarts, and tells each when it is over."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from contracts.drift import MOST_BYTES, MOST_CLASSES, MOST_PARTS, MOST_WINDOWS, DriftHour, DriftNow
from contracts.errors import StorageError
from contracts.wire import utc_from_ns
from device.clock import Clock
from device.drift.hours import Hours, Key
from device.drift.looks import Look, Looks
from device.drift.options import DriftOptions
from device.drift.picture import describe
from device.drift.window import Window
from device.pipeline.protocols import Tick
from device.pipeline.tally import Tally

log = logging.getLogger(__name__)
HOUR_NS = 3600 * 1_000_000_000
ROUND_S = 1.0
QUIET_NS = 10 * 1_000_000_000  # an hour is over when another has begun and nothing came for it in so long
DAY = 24
ENVELOPE_BYTES = 1024  # around the hour itself, generously
MOST = MOST_WINDOWS * MOST_PARTS  # of an hour


class Gathering:
    """`looks` is the outlet, `run` the worker, `now` what the page asks. `post` is given each hour that is over, and at the start
    those of the last day again."""

    def __init__(self, path: Path, options: DriftOptions, clock: Clock, tally: Tally, boot: str, post: Callable[[DriftHour], None]) -> None:
        self._options, self._clock, self._tally, self._boot, self._post = options, clock, tally, boot, post
        self._hours = Hours(path)
        self.looks = Looks(tally, options.picture_every_s)
        self._lock = threading.Lock()
        self._open: dict[Key, Window] = {}
        self._heard_ns: dict[int, int] = {}  # hour -> when something last came for it
        self._over: dict[int, dict[Key, Window]] = {}  # of the last day
        self._unsaved: set[Key] = set()
        self._saved_ns = clock.mono_ns()
        self._dated = clock.state() != "unsynced"
        self._offset_ns = clock.wall_ns() - clock.mono_ns()  # while the clock is wrong: by it the hours are put right later
        self._begun = False
        self._failing = False
        self._stopping = threading.Event()

    def run(self, tick: Tick) -> None:
        try:
            while not self._stopping.wait(ROUND_S):
                tick()
                self.step()
            self.step()
        finally:
            self.save()
            self._hours.close()

    def close(self) -> None:
        self._stopping.set()

    def step(self) -> None:
        self._trying(self._date)
        self._trying(self._begin)
        self._fold()
        self._end_hours()
        if self._clock.mono_ns() - self._saved_ns >= self._options.save_s * 1e9:
            self.save()

    def save(self) -> None:
        """A disk that refuses is tried again the next time; what is counted stays in memory meanwhile."""
        self._saved_ns = self._clock.mono_ns()
        self._trying(self._save)

    def now(self) -> DriftNow:
        with self._lock:
            newest = max((key.hour for key in self._open), default=0)
            hour = [window.told(key.camera, key.model) for key, window in self._open.items() if key.hour == newest]
            day: dict[tuple[str, str], Window] = defaultdict(Window)
            for windows in (*self._over.values(), self._open):
                for key, window in windows.items():
                    day[key.camera, key.model].merge(window)
        return DriftNow(hour=hour, day=[window.told(*key) for key, window in sorted(day.items())], dated=self._dated)

    # ---- of the worker

    def _trying(self, work: Callable[[], None]) -> None:
        try:
            work()
        except StorageError as error:
            if not self._failing:
                log.warning("what the model sees is counted in memory only: %s", error)
            self._failing = True

    def _fold(self) -> None:
        taken = self.looks.take()
        groups: dict[Key, list[Look]] = defaultdict(list)
        boot = "" if self._dated else self._boot
        for look in taken.looks:
            groups[Key(look.wall_ns // HOUR_NS, boot, look.camera, look.model)].append(look)
        for key, looks in groups.items():
            with self._lock:
                if (window := self._window(key)) is not None:
                    window.add(looks)
        for camera, (model, frame) in taken.pictures.items():
            seen = describe(frame.planes)
            with self._lock:
                if (window := self._window(Key(frame.wall_ns // HOUR_NS, boot, camera, model))) is not None:
                    window.pictures.add(seen)

    def _window(self, key: Key) -> Window | None:
        """That which is open, else it goes on where it was; None: there are too many."""
        self._heard_ns[key.hour] = self._clock.mono_ns()
        if key not in self._open:
            if sum(each.hour == key.hour for each in self._open) >= MOST:
                self._tally.count(key.camera, "drift", "windows")
                return None
            over = self._over.get(key.hour, {})
            self._open[key] = over.pop(key) if key in over else self._stored(key) or Window()
        self._unsaved.add(key)
        return self._open[key]

    def _stored(self, key: Key) -> Window | None:
        found: list[Window | None] = [None]
        self._trying(lambda: found.__setitem__(0, self._hours.one(key)))
        return found[0]

    def _end_hours(self) -> None:
        now_ns, mono_ns = self._clock.wall_ns(), self._clock.mono_ns()
        hours = {key.hour for key in self._open}
        over = [hour for hour in hours if hour != now_ns // HOUR_NS and mono_ns - self._heard_ns.get(hour, 0) > QUIET_NS]
        if not over:
            return
        self.save()
        with self._lock:
            for hour in over:
                self._heard_ns.pop(hour, None)
                windows = {key: self._open.pop(key) for key in list(self._open) if key.hour == hour}
                if self._dated:
                    self._over.setdefault(hour, {}).update(windows)
                self._unsaved -= windows.keys()
            for hour in [hour for hour in self._over if abs(now_ns // HOUR_NS - hour) > DAY]:
                del self._over[hour]
        for hour in over:
            self._tell(hour)
        self._trying(lambda: self._hours.forget(now_ns // HOUR_NS - DAY * self._options.kept_days, undated=False))

    def _tell(self, hour: int) -> None:
        with self._lock:
            windows = sorted(self._over.get(hour, {}).items(), key=lambda each: (each[0].camera, each[0].model))[:MOST]
            for part in range(0, len(windows), MOST_WINDOWS):
                self._post(_bounded(utc_from_ns(hour * HOUR_NS), part // MOST_WINDOWS, windows[part : part + MOST_WINDOWS]))

    def _begin(self) -> None:
        """Once: the hours of the last day, for the page and for a broker that lost them."""
        if self._begun or not self._dated:
            return
        now = self._clock.wall_ns() // HOUR_NS
        found = self._hours.since(now - DAY)
        with self._lock:
            for key, window in found.items():
                if key.hour < now and key not in self._open:
                    self._over.setdefault(key.hour, {})[key] = window
        self._begun = True
        for hour in sorted(self._over):
            self._tell(hour)

    def _date(self) -> None:
        """Until the clock is known; then what was counted in this boot gets its true hour. Of other boots nobody knows it."""
        offset_ns = self._clock.wall_ns() - self._clock.mono_ns()
        if self._dated or self._clock.state() == "unsynced":
            self._offset_ns = offset_ns
            return
        self._save()
        late = self.looks.take()  # captured on either side of the jump
        self._tally.count("", "drift", "undated", len(late.looks))
        found = self._dated_now(offset_ns)
        with self._lock:
            self._open, self._unsaved, self._heard_ns = {}, set(), {}
            self._dated = True
            for key, window in found.items():
                if (mine := self._window(key)) is not None:
                    mine.merge(window)
        self._save()
        self._hours.forget(0, undated=True)

    def _dated_now(self, offset_ns: int) -> dict[Key, Window]:
        found: dict[Key, Window] = {}
        for key, before_ns, window in self._hours.undated():
            if key.boot != self._boot:
                self._tally.count(key.camera, "drift", "undated", window.frames)
                continue
            hour = (key.hour * HOUR_NS + HOUR_NS // 2 + offset_ns - before_ns) // HOUR_NS
            found.setdefault(Key(hour, "", key.camera, key.model), Window()).merge(window)
        return found

    def _save(self) -> None:
        with self._lock:
            changed = {key: self._open[key] for key in self._unsaved if key in self._open}
        if changed:
            self._hours.save(changed, self._offset_ns)
            self._failing = False
        with self._lock:
            self._unsaved.clear()


def _bounded(start: datetime, part: int, windows: Sequence[tuple[Key, Window]]) -> DriftHour:
    """With as many classes of each as a message has room for."""
    most = MOST_CLASSES
    while True:
        hour = DriftHour(start=start, part=part, windows=[window.told(key.camera, key.model, most) for key, window in windows])
        if most == 1 or len(hour.model_dump_json().encode()) <= MOST_BYTES - ENVELOPE_BYTES:
            return hour
        most = max(1, most // 2)
