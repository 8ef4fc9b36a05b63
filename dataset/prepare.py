"""Prepare: train, val and test, whole families on one side, and what was put somewhere once stays there."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import IO

from contracts.errors import ConfigError, ProtocolError
from dataset.convert import Tick
from dataset.items import Item, Reader
from dataset.kinship import Families, Kinship
from dataset.near import NearSearch

SPLITS = ("train", "val", "test")
HELD, OPEN = 100, 101  # of a side: held out of all splits; not decided yet
LEDGER = "splits.jsonl"
LONGEST_LINE = 4096


@dataclass(frozen=True, slots=True)
class Plan:
    """`shares` of train, val, test add up to 1. `salt` decides who goes where: another one gives another division."""

    shares: tuple[float, float, float] = (0.7, 0.2, 0.1)
    by: str = "auto"
    gap_s: float = 60.0
    salt: str = "vedette"
    look: bool = True  # at pictures, for near-duplicates, where the set does not know them


@dataclass(slots=True)
class Division:
    """Where every item goes, by its number in the set, and how it came about."""

    sides: array[int]
    families: int
    held: list[str] = field(default_factory=list)
    links: Counter[str] = field(default_factory=Counter)

    def counts(self) -> Counter[str]:
        return Counter({name: self.sides.count(index) for index, name in enumerate(SPLITS)})

    def document(self, plan: Plan) -> dict[str, object]:
        counts, total = self.counts(), max(sum(self.counts().values()), 1)
        reached = {name: round(counts[name] / total, 4) for name in SPLITS}
        asked = dict(zip(SPLITS, plan.shares, strict=True))
        return {"items": dict(counts), "asked": asked, "reached": reached, "families": self.families} | {
            "links": dict(self.links),
            "held_out": len(self.held),
            "held_out_first": self.held[:20],
        }


def parse_shares(text: str) -> tuple[float, float, float]:
    """`0.7,0.2,0.1` or `70,20,10`; test may be left out."""
    try:
        parts = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"--split {text}: is not three numbers; write for example --split 0.7,0.2,0.1") from error
    total = sum(parts)
    if len(parts) not in {2, 3} or not all(0 <= part < float("inf") for part in parts) or not total > 0:
        raise ConfigError(f"--split {text}: give two or three shares from 0 up, for example --split 0.7,0.2,0.1")
    train, val, test = (*parts, 0.0)[:3]
    return (train / total, val / total, test / total)


def side_of(name: str, salt: str, shares: Sequence[float]) -> int:
    """The same for ever for the same name, salt and shares, whatever else is in the set."""
    chance = int.from_bytes(sha256(f"{salt}\0{name}".encode()).digest()[:8], "big") / (1 << 64)
    for index, share in enumerate(shares):
        chance -= share
        if chance < 0:
            return index
    return max(index for index, share in enumerate(shares) if share > 0)  # rounding left a crumb


def divide(reader: Reader, plan: Plan, before: Mapping[str, str], tick: Tick) -> Division:
    """Reads the set once. `before` says by id where items were put the last time."""
    kinship, search = Kinship(plan.by, plan.gap_s), NearSearch(plan.look)
    try:
        for item in reader:
            number = kinship.add(item, before.get(item.id, ""))
            same = search.same(number, item)
            if same is not None:
                kinship.link(number, same, "same file")
            elif not item.near and (near := search.nearest(number, item)) is not None:
                kinship.link(number, near, "near")
            tick(kinship.count)
        kinship.settle()
        return _decided(kinship, plan)
    finally:
        kinship.close()
        search.close()


class Sides:
    """Families while they are joined; items and groups by number, the side of a family at its lowest."""

    def __init__(self, kinship: Kinship) -> None:
        self._kinship, size = kinship, kinship.count + kinship.groups
        self._families, self.sides = Families(size), array("B", bytes([OPEN]) * size)
        self._old, self.held = bytearray(size), set[int]()
        for number, _, _, split in kinship.names():
            if split in SPLITS:
                self.sides[number], self._old[number] = SPLITS.index(split), 1

    def is_old(self, newer: int, older: int) -> bool:
        """Both were there the last time; a group always was."""
        return bool(self._old[newer]) and (older >= self._kinship.count or bool(self._old[older]))

    def join(self, newer: int, older: int, why: str) -> None:
        """Two families become one. Where each has its side already, the one new picture that would tie them together is held out."""
        if newer in self.held or older in self.held:
            return
        a, b = self._families.of(newer), self._families.of(older)
        decided = {self.sides[a], self.sides[b]} - {OPEN}
        if len(decided) < 2:
            self.sides[self._families.join(a, b)] = decided.pop() if decided else OPEN
        elif self.is_old(newer, older):
            one, other = self._kinship.name(newer), self._kinship.name(older)
            raise ConfigError(
                f"{one} ({SPLITS[self.sides[a]]}) and {other} ({SPLITS[self.sides[b]]}) belong together ({why}), but were put on two sides "
                "before: remove one of them from the set, or divide anew without --ledger"
            )
        else:
            self.held.add(newer if not self._old[newer] else older)

    def settle(self, plan: Plan) -> int:
        """Every family gets a side; how many families there are."""
        families, seen = 0, bytearray(len(self._old))
        for number, name, key, _ in self._kinship.names():
            family = self._families.of(number)
            if number not in self.held:
                if self.sides[family] == OPEN:
                    self.sides[family] = side_of(key or name, plan.salt, plan.shares)
                families += not seen[family]
                seen[family] = 1
        for number in range(self._kinship.count):
            self.sides[number] = self.sides[self._families.of(number)]
        for number in self.held:
            self.sides[number] = HELD
        return families


def _decided(kinship: Kinship, plan: Plan) -> Division:
    sides, links = Sides(kinship), Counter[str]()
    for newer, older, why in kinship.links():  # what was there the last time first, so that a new picture gives way
        if sides.is_old(newer, older):
            sides.join(newer, older, why)
    for newer, older, why in kinship.links():
        links[why] += 1
        if not sides.is_old(newer, older):
            sides.join(newer, older, why)
    families = sides.settle(plan)
    held = [kinship.name(number) for number in sorted(sides.held)]
    return Division(sides.sides[: kinship.count], families, held, links)


def divided(items: Iterable[Item], division: Division) -> Iterator[Item]:
    """The items with their splits, those held out left out."""
    for number, item in enumerate(items):
        if number < len(division.sides) and division.sides[number] != HELD:
            yield replace(item, split=SPLITS[division.sides[number]])


class Ledger:
    """`splits.jsonl`: id and split of every item, so that the next division of the grown set leaves them where they are."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def pass_on(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            self._file.write(json.dumps({"id": item.id, "split": item.split}, ensure_ascii=False) + "\n")
            yield item


def read_ledger(path: Path) -> dict[str, str]:
    """A hundred bytes an item are in memory meanwhile."""
    found: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), ""), 1):
                row = json.loads(line)
                if not isinstance(row, dict) or row.get("split") not in SPLITS or not isinstance(row.get("id"), str):
                    raise ProtocolError(f"{path}:{number}: is no id with train, val or test; take the splits.jsonl of an earlier prepare")
                found[row["id"]] = str(row["split"])
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name the splits.jsonl of an earlier prepare") from error
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{path}: is no JSON lines ({str(error)[:100]}); take the splits.jsonl of an earlier prepare") from error
    return found
