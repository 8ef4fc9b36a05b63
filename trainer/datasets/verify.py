"""Verify: whether a split is what it says, and still that of the set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from contracts.split import Split
from dataset.convert import Tick
from dataset.items import Reader
from trainer.datasets.groups import Group
from trainer.datasets.splitting import Division, Plan, side_for, split

EACH = 20  # told by name, of every kind


@dataclass(frozen=True, slots=True)
class Verdict:
    """`faults` in words; none: it holds."""

    faults: tuple[str, ...]
    division: Division

    @property
    def ok(self) -> bool:
        return not self.faults


def verify(reader: Reader, kept: Split, tick: Tick = lambda _: None) -> Verdict:
    """Everything is computed anew out of the set and compared."""
    plan = Plan(kept.salt, kept.fractions, bool(kept.held), near_bits=kept.near_bits)
    division = split(reader, plan, kept.created, tick)
    return Verdict((*_forged(kept), *_differences(kept, division.split), *_leaks(division)), division)


def _forged(kept: Split) -> Iterator[str]:
    """Sides that were not computed but written there."""
    for group in kept.groups:
        side = side_for(Group(group.name), kept.salt, kept.fractions)
        if side != group.side:
            yield f"recording {group.name} is written down as {group.side}, salt and fractions put it in {side}"


def _differences(kept: Split, now: Split) -> Iterator[str]:
    before, there = ({group.name: group.items for group in each.groups} for each in (kept, now))
    for words, names in (
        ("is not in the set any more", sorted(before.keys() - there.keys())),
        ("came after the split; continue it with --after", sorted(there.keys() - before.keys())),
    ):
        yield from (f"recording {name} {words}" for name in names[:EACH])
    changed = [name for name in sorted(before.keys() & there.keys()) if before[name] != there[name]]
    yield from (f"recording {name} had {before[name]} pictures and has {there[name]}" for name in changed[:EACH])
    if kept.root != now.root:
        yield f"the set is another: root {now.root}, the split is of {kept.root} ({kept.items} pictures then, {now.items} now)"
    elif kept.lineage != now.lineage:
        yield f"pictures and labels are the same, but not where they come from: lineage {now.lineage}, the split is of {kept.lineage}"
    if {each.id for each in kept.held} != {each.id for each in now.held}:
        yield f"{len(now.held)} pictures have to be held out, the split holds out {len(kept.held)}"


def _leaks(division: Division) -> Iterator[str]:
    yield from (leak.words() for leak in division.leaks[:EACH])
    if division.leak_count > EACH:
        yield f"and {division.leak_count - EACH} more pictures that are too near to one on another side"
