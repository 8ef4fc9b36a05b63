"""Convert: items of one format into another; what the other cannot hold is counted, what cannot be read is skipped and said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dataset.findings import Findings
from dataset.holds import features_of
from dataset.items import Item, Writer

Tick = Callable[[int], None]


@dataclass(slots=True)
class Converted:
    """`lost`: in how many pictures there was something the format does not hold."""

    findings: Findings
    items: int = 0
    labels: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)

    def document(self) -> dict[str, object]:
        counts = {"items": self.items, "labels": self.labels, "splits": dict(self.splits), "lost": dict(self.lost)}
        return {**counts, **self.findings.document()}


def convert(items: Iterable[Item], writer: Writer, holds: frozenset[str], findings: Findings, tick: Tick) -> Converted:
    """All of it or nothing at the target's name."""
    done = Converted(findings)
    try:
        for item in items:
            writer.write(item)
            done.items += 1
            done.labels += len(item.labels)
            done.splits[item.split] += 1
            done.lost.update(features_of(item) - holds)
            tick(done.items)
        writer.close()
    except BaseException:  # Ctrl-C too: no half data set stays, and it goes on up
        writer.abandon()
        raise
    return done
