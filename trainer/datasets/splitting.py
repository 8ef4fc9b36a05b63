"""Splitting: every recording gets its side for ever; pictures too near to one of another side are told, or held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from contracts.errors import ConfigError
from contracts.split import MOST_GROUPS, SIDES, Fractions, HeldPicture, Side, Split, SplitGroup
from dataset.convert import Tick
from dataset.items import Item, Reader
from dataset.near import NEAR_BITS
from dataset.prepare import side_of
from trainer.datasets.groups import Group, group_of
from trainer.datasets.hashing import Gathered, hashed
from trainer.datasets.leaks import Leak, LeakSearch, hash_of

TOLD = 1000  # leaks kept in words


@dataclass(frozen=True, slots=True)
class Plan:
    """`hold`: of two pictures too near to each other the one that came later is held out; else they are leaks."""

    salt: str
    fractions: Fractions
    hold: bool = False
    before: Split | None = None  # the split of the smaller set that this one continues
    near_bits: int = NEAR_BITS


@dataclass
class Division:
    """What came of it. `leaks` must be empty before anybody trains."""

    split: Split
    leaks: list[Leak] = field(default_factory=list)
    leak_count: int = 0
    pictures: Counter[Side] = field(default_factory=Counter)
    gone: list[str] = field(default_factory=list)  # groups of the split before that are not in the set any more


def continued(before: Split, hold: bool) -> Plan:
    """Salt and fractions of the split before: its recordings stay where they are."""
    return Plan(before.salt, before.fractions, hold or bool(before.held), before, before.near_bits)


def side_for(group: Group, salt: str, fractions: Fractions) -> Side:
    """The same for ever for the same name, salt and fractions, whatever else is in the set."""
    return SIDES[side_of(group.name, salt, fractions.shares())]


class _Counting:
    """Groups and their pictures, as items pass by."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._sides: dict[str, tuple[Group, Side]] = {}
        self._items: Counter[str] = Counter()
        self.singles: Counter[Side] = Counter()
        self.pictures: Counter[Side] = Counter()

    def side(self, item: Item) -> Side:
        group = group_of(item)
        if group.single:
            side = side_for(group, self._plan.salt, self._plan.fractions)
            self.singles[side] += 1
            return side
        if group.name not in self._sides:
            if len(self._sides) >= MOST_GROUPS:
                raise ConfigError(f"more than {MOST_GROUPS} recordings in one set: split it in parts")
            self._sides[group.name] = group, side_for(group, self._plan.salt, self._plan.fractions)
        self._items[group.name] += 1
        return self._sides[group.name][1]

    def groups(self) -> list[SplitGroup]:
        rows = sorted(self._sides.items())
        return [SplitGroup(name=n, side=s, items=self._items[n], device=g.device, session=g.session) for n, (g, s) in rows]


def split(reader: Reader, plan: Plan, created: datetime, tick: Tick = lambda _: None) -> Division:
    """Reads the set once, pictures too."""
    counting, gathered, search = _Counting(plan), Gathered(), LeakSearch(plan.near_bits)
    leaks: list[Leak] = []
    held: list[HeldPicture] = []
    count = 0
    try:
        for each in hashed(reader):
            gathered.add(each)
            side = counting.side(each.item)
            value = hash_of(each.item)
            leak = search.look(each.item, each.picture, value, side)
            if leak is not None and plan.hold:
                held.append(HeldPicture(id=leak.late, near=leak.early, side=side))
                continue
            counting.pictures[side] += 1
            if leak is not None:
                count += 1
                leaks += [leak] if len(leaks) < TOLD else []
            search.add(each.item, each.picture, value, side)
            tick(len(gathered.leaves))
    finally:
        search.close()
    made = _document(plan, gathered, counting, held, created)
    gone = _gone(plan.before, made.groups)
    return Division(made, leaks, count, counting.pictures, gone)


def _document(plan: Plan, gathered: Gathered, counting: _Counting, held: list[HeldPicture], created: datetime) -> Split:
    roots = gathered.roots()
    return Split(
        root=roots.root,
        lineage=roots.lineage,
        items=roots.items,
        salt=plan.salt,
        fractions=plan.fractions,
        groups=counting.groups(),
        singles=dict(counting.singles),
        held=held,
        near_bits=plan.near_bits,
        after=plan.before.root if plan.before else None,
        created=created,
    )


def _gone(before: Split | None, groups: Iterable[SplitGroup]) -> list[str]:
    there = {group.name for group in groups}
    return [group.name for group in before.groups if group.name not in there] if before else []


def empty_sides(division: Division) -> list[Side]:
    """Sides that were to get something and got nothing: too few recordings for these fractions."""
    shares = zip(SIDES, division.split.fractions.shares(), strict=True)
    return [side for side, share in shares if share > 0 and not division.pictures[side]]


class Frozen:
    """A split as trainers use it: on which side an item is."""

    def __init__(self, document: Split) -> None:
        self.document = document
        self._held = {each.id for each in document.held}

    def side(self, item: Item) -> Side | None:
        """None: it is held out."""
        if item.id in self._held:
            return None
        return side_for(group_of(item), self.document.salt, self.document.fractions)
