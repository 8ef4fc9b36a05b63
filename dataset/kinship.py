"""Kinship: which pictures must stay on one side of a split. Links join items; what is joined shares a side."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Literal

from dataset.items import Item
from dataset.spool import Spool

By = Literal["auto", "session", "event", "camera", "source", "sequence", "folder", "time", "none"]
WAYS: tuple[By, ...] = ("auto", "session", "event", "camera", "source", "sequence", "folder", "time", "none")


def key_of(item: Item, by: str) -> str:
    """What the item shares with its kin; empty: nothing. `attribute:NAME` is a key of one's own."""
    origin = item.origin
    keys = {
        "session": origin.session,
        "event": origin.event,
        "camera": origin.camera,
        "source": origin.source,
        "sequence": item.sequence,
        "folder": item.file.rpartition("/")[0],
        "none": "",
        "time": "",
    }
    if by == "auto":
        return next((f"{way} {keys[way]}" for way in ("session", "sequence", "event") if keys[way]), "")
    if by.startswith("attribute:"):
        value = item.attributes.get(by.removeprefix("attribute:"))
        return "" if value is None else f"{by} {value}"
    return f"{by} {keys[by]}" if keys[by] else ""


class Kinship:
    """Items in the order of the set, numbered from 0, with the links between them; on disk, so that a million need little memory."""

    def __init__(self, by: str, gap_s: float) -> None:
        self._by, self._gap_ns = by, int(gap_s * 1e9)
        self._spool = Spool(
            items="n INTEGER PRIMARY KEY, id TEXT, key TEXT, place TEXT, wall INTEGER, split TEXT",
            near="n INTEGER, other TEXT",
            links="newer INTEGER, older INTEGER, why TEXT",
            keys="n INTEGER PRIMARY KEY, key TEXT",
        )
        self.count = 0  # of items
        self.groups = 0  # that share a key; their numbers follow those of the items

    def add(self, item: Item, split: str = "") -> int:
        """The item's number. `split` is where it was put before."""
        number, key = self.count, key_of(item, self._by)
        timed = self._by in {"auto", "time"} and not key
        place = f"{item.origin.camera}\0{item.origin.source}" if timed and item.origin.wall_ns is not None else None
        self._spool.add("items", number, item.id, key or None, place, item.origin.wall_ns, split)
        for other in item.near:
            self._spool.add("near", number, other)
        self.count += 1
        return number

    def link(self, newer: int, older: int, why: str) -> None:
        self._spool.add("links", max(newer, older), min(newer, older), why)

    def settle(self) -> None:
        """Links of keys, of time and of near-duplicates by id."""
        spool = self._spool
        spool.run("CREATE INDEX items_id ON items (id)")
        spool.run("INSERT INTO keys (key) SELECT key FROM items WHERE key IS NOT NULL GROUP BY key ORDER BY min(n)")
        self.groups = spool.count("keys")
        spool.run("CREATE INDEX keys_key ON keys (key)")
        # to a node of the group's own, which stays when any one of its pictures is held out
        spool.run("INSERT INTO links SELECT items.n, keys.n - 1 + ?, 'group' FROM items JOIN keys ON items.key = keys.key", self.count)
        spool.run("INSERT INTO links SELECT max(near.n, items.n), min(near.n, items.n), 'near' FROM near JOIN items ON items.id = other")
        before: tuple[object, int, int] | None = None
        for place, wall, number in spool.rows("SELECT place, wall, n FROM items WHERE place IS NOT NULL ORDER BY place, wall, n"):
            now = (place, int(str(wall)), int(str(number)))
            if before and before[0] == place and now[1] - before[1] <= self._gap_ns:
                self.link(now[2], before[2], "time")
            before = now

    def links(self) -> Iterator[tuple[int, int, str]]:
        """Newer, older (or a group), why; in the order in which they came into being."""
        query = "SELECT DISTINCT newer, older, why FROM links WHERE newer != older ORDER BY newer, older"
        for newer, older, why in self._spool.rows(query):
            yield int(str(newer)), int(str(older)), str(why)

    def names(self) -> Iterator[tuple[int, str, str, str]]:
        """Number, id, key and earlier split of every item."""
        for number, name, key, split in self._spool.rows("SELECT n, id, key, split FROM items ORDER BY n"):
            yield int(str(number)), str(name), str(key or ""), str(split)

    def name(self, number: int) -> str:
        if number >= self.count:
            return str(self._spool.value("SELECT key FROM keys WHERE n = ?", number - self.count + 1))
        return str(self._spool.value("SELECT id FROM items WHERE n = ?", number))

    def close(self) -> None:
        self._spool.close()


class Families:
    """Union-find over numbers; the lowest number stands for its family. Eight bytes an item."""

    def __init__(self, count: int) -> None:
        self._parent = array("q", range(count))

    def of(self, number: int) -> int:
        parent = self._parent
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    def join(self, one: int, other: int) -> int:
        a, b = sorted((self.of(one), self.of(other)))
        self._parent[b] = a
        return a
