"""Nominating: pictures that may be worth a person's look on their way through their day, and out of it into the data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from contracts.wire import utc_from_ns
from dataset.about import Added
from dataset.exporter import Exporter
from device.export.choice import Pick, draw
from device.export.day import DAY_NS, Day
from device.export.masks import Outline, masked
from device.export.nominee import Nominee, said_marks
from device.export.said import marks_of, states_of
from device.pipeline.tally import Tally


class Nominating:
    """Of the thread that keeps training data. StorageError when the disk refuses; what waits stays."""

    def __init__(self, folder: Path, per_day: int, tally: Tally, require: Callable[[], None]) -> None:
        self._folder, self._per_day, self._tally, self._require = folder, per_day, tally, require
        self._day: Day | None = None
        self._looked = False  # whether something waits since before we were started

    def _opened(self) -> Day:
        """With the first picture: a box that doubts nothing makes no folder."""
        if self._day is None:
            self._require()
            self._day = Day(self._folder, self._per_day)
        return self._day

    def is_due(self, wall_ns: int | None) -> bool:
        """Whether what waits is of a day that is over; None: every day is."""
        if not self._looked and self._folder.is_dir():
            self._opened()
        self._looked = True
        return self._day is not None and (self._day.is_over(wall_ns // DAY_NS) if wall_ns is not None else len(self._day) > 0)

    def offer(self, pick: Pick, session: str, outlines: Sequence[Outline]) -> None:
        """What loses, or was there, is counted."""
        frame = pick.scene.frame
        image, ignore = masked(frame.planes.bgr(), outlines)
        nominee = Nominee(
            day=max(0, frame.wall_ns // DAY_NS),
            lot=max(1e-12, draw(session, frame.camera, "day", str(frame.pts_ns))),
            weight=pick.weight,
            others=pick.probability,
            sure=pick.sure,
            reason=pick.reason,
            timestamp=utc_from_ns(frame.wall_ns),
            source=frame.camera,
            states=list(states_of(pick.scene)),
            session=session,
            pts_ns=frame.pts_ns,
            model=pick.scene.model,
            marks=said_marks(marks_of(pick.scene)),
            ignore=list(ignore),
        )
        refused = self._opened().offer(nominee, image)
        self._tally.count(frame.camera, "not_exported" if refused else "nominated", refused or pick.reason)

    def settle(self, exporter: Exporter, added: Callable[[Added, str, str], None]) -> None:
        """The best of the day become records, durable, and only then they wait no more."""
        day = self._opened()
        for nominee, image, reason, probability in day.result():
            added(exporter.add(image, nominee.labels(), nominee.about(reason, probability)), nominee.source, reason)
        exporter.commit()
        day.clear()
