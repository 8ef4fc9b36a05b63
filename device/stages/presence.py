"""Presence: one thing that stands in the picture, from the first sample of its row to the last that showed it."""

from __future__ import annotations

import re

from pydantic import JsonValue

from contracts.event import Event, event_id
from contracts.event import Life as LifeWord
from device.pipeline.context import Context
from device.stages.seen import Seen, Thing
from device.stages.votes import Votes


def kind_of(label: str) -> str:
    """A label as a kind: `traffic light` is `traffic_light`."""
    word = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")
    return (word if word[:1].isalpha() else f"label_{word}")[:64]


class Row:
    """Samples in a row that do not make an event yet."""

    def __init__(self) -> None:
        self.sightings: list[Seen] = []
        self.misses = 0  # since the last of them
        self.seen_ns = 0  # analysed time of the last of them

    def see(self, sighting: Seen, now_ns: int) -> None:
        self.sightings.append(sighting)
        self.misses, self.seen_ns = 0, now_ns


class Presence:
    """An open event. What it is named by is fixed at the start: id, label, snapshot."""

    def __init__(self, thing: Thing, row: Row, context: Context) -> None:
        criteria, first = thing.criteria, row.sightings[0]
        self._criteria, self._first, self._last = criteria, first, first
        self._start = first.when.at
        identity = context.cameras[first.when.camera].identity()
        told_apart = "|".join((criteria.rule, criteria.label, *(text.replace("\\", "\\\\").replace("|", "\\|") for text in thing.key)))
        self._id = event_id(identity, criteria.kind, first.when.pts_ns, told_apart)
        self._snapshot = context.snapshot(self._id, self._start)
        self._best, self._votes = 0.0, Votes()
        for sighting in row.sightings:
            self.see(sighting, row.seen_ns)

    def see(self, sighting: Seen, now_ns: int) -> None:
        self._last, self.seen_ns = sighting, now_ns
        self._best = max(self._best, sighting.confidence)
        self._votes.add(self._wanted(sighting.fields), sighting.weight)

    def _wanted(self, fields: dict[str, str]) -> dict[str, str]:
        chosen = self._criteria.fields
        return fields if chosen is None else {name: text for name, text in fields.items() if name in chosen}

    def begun(self) -> Event:
        """Told with the last sample of the row, about the first."""
        return self._message("new", self._first, {})

    def over(self, reason: str = "") -> Event:
        return self._message("end", self._last, {"reason": reason} if reason else {})

    def _message(self, life: LifeWord, about: Seen, said: dict[str, JsonValue]) -> Event:
        when = about.when
        return Event(
            id=self._id,
            life=life,
            kind=self._criteria.kind,
            camera=when.camera,
            label=self._criteria.label,
            confidence=self._best,
            start=self._start,
            t=when.at,
            end=max(self._start, when.at) if life == "end" else None,  # even where the wall clock was set back between
            start_pts_ns=self._first.when.pts_ns,
            pts_ns=when.pts_ns,
            frame_number=max(0, when.frame_number),
            box=about.box,
            frame_size=when.frame_size,
            model=when.model,
            snapshot=self._snapshot,
            data={**self._votes.elected(), **said},
        )
