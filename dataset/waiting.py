"""Waiting: records that wait for a commit, found by their id, by their picture, and by what looks nearly like it."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from contracts.dataset import Record
from dataset.phash import bands, nearest, neighbours
from dataset.store import Incoming


class Waiting:
    """In the order they came."""

    def __init__(self) -> None:
        self.batch: list[Incoming] = []
        self._ids: set[UUID] = set()
        self._pictures: dict[str, Incoming] = {}
        self._firsts: list[tuple[str, int]] = []  # pictures that are the first of their kind, with their hashes
        self._bands: defaultdict[tuple[int, int], list[int]] = defaultdict(list)

    def add(self, incoming: Incoming) -> None:
        record = incoming.record
        self.batch.append(incoming)
        self._ids.add(record.id)
        self._pictures.setdefault(record.image_id, incoming)
        if record.is_new and record.near_duplicate_of is None:
            value = int(record.phash, 16)
            for place in bands(value):
                self._bands[place].append(len(self._firsts))
            self._firsts.append((record.image_id, value))

    def has(self, record_id: UUID) -> bool:
        return record_id in self._ids

    def picture(self, image_id: str) -> Record | None:
        """The first record of a picture."""
        found = self._pictures.get(image_id)
        return found.record if found else None

    def brings(self, image_id: str) -> bool:
        """Whether its file is on its way in."""
        found = self._pictures.get(image_id)
        return found is not None and found.temp is not None

    def near(self, value: int, within: int) -> tuple[int, str] | None:
        """Bits and id of the nearest first of its kind."""
        places = {n for place in neighbours(value) for n in self._bands.get(place, ())}
        found = nearest(value, ((n, self._firsts[n][1]) for n in places), within)
        return (found[0], self._firsts[found[1]][0]) if found else None

    def __len__(self) -> int:
        return len(self.batch)
