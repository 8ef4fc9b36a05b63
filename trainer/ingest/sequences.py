"""Sequences: the numbers of one box's journal: which came, which did not. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace

MOST_GAPS = 200  # of one box; beyond it the two nearest are made one


@dataclass(frozen=True, slots=True)
class Gap:
    """`first` to `last` did not come. `asked` is how often they were asked for."""

    first: int
    last: int
    seen_us: int
    asked: int = 0
    asked_us: int | None = None

    @property
    def count(self) -> int:
        return self.last - self.first + 1


@dataclass
class Sequence:
    """Everything from `low` to `high` came, but for `gaps`, which are in order."""

    low: int | None = None
    high: int | None = None
    journal: int = 1
    gaps: list[Gap] = field(default_factory=list)
    lost: list[Gap] = field(default_factory=list)  # of a journal that is no more; whoever writes them down empties it
    filled: int = 0

    def take(self, seq: int, new: bool, now_us: int) -> None:
        """A message with that number came; `new`: the message itself was not here before."""
        if self.low is None or self.high is None:
            self.low = self.high = seq
        elif seq > self.high:
            self._open(self.high + 1, seq - 1, now_us)
            self.high = seq
        elif self._fill(seq):
            self.filled += 1
        elif seq < self.low:
            self._open(seq + 1, self.low - 1, now_us)
            self.low = seq
        elif new:  # another message with a number that was used: the box has another disk, its journal began anew
            self.lost += self.gaps
            self.gaps, self.low, self.high, self.journal = [], seq, seq, self.journal + 1

    def told_last(self, seq: int, now_us: int) -> None:
        """The box says that it has handed everything up to there to the broker."""
        if self.high is not None and seq > self.high:
            self._open(self.high + 1, seq, now_us)
            self.high = seq

    def gone(self, first: int, last: int) -> list[Gap]:
        """These numbers will not come; what of them was still waited for."""
        lost: list[Gap] = []
        for gap in self._within(first, last):
            self._cut(gap, first, last)
            lost.append(replace(gap, first=max(first, gap.first), last=min(last, gap.last)))
        return lost

    def asked(self, gap: Gap, now_us: int, *, again: bool = False) -> None:
        """`again`: an answer said that more of it is to be had, which is no further attempt."""
        if gap in self.gaps:
            self.gaps[self.gaps.index(gap)] = replace(gap, asked=gap.asked + (not again), asked_us=now_us)

    def missing(self) -> int:
        return sum(gap.count for gap in self.gaps)

    def _within(self, first: int, last: int) -> list[Gap]:
        return [gap for gap in self.gaps if gap.first <= last and gap.last >= first]

    def _fill(self, seq: int) -> bool:
        at = bisect_right(self.gaps, seq, key=lambda gap: gap.first) - 1
        if at < 0 or self.gaps[at].last < seq:
            return False
        self._cut(self.gaps[at], seq, seq)
        return True

    def _cut(self, gap: Gap, first: int, last: int) -> None:
        """Take first to last out of a gap: nothing, one or two are left of it."""
        at = self.gaps.index(gap)
        left = [replace(gap, last=first - 1)] if gap.first < first else []
        right = [replace(gap, first=last + 1)] if last < gap.last else []
        self.gaps[at : at + 1] = [*left, *right]
        self._bound()

    def _open(self, first: int, last: int, now_us: int) -> None:
        if first <= last:
            self.gaps.append(Gap(first, last, now_us))
            self.gaps.sort(key=lambda gap: gap.first)
            self._bound()

    def _bound(self) -> None:
        """Numbers between the two that came already are asked for again then, and dropped when they come twice."""
        while len(self.gaps) > MOST_GAPS:
            pairs = zip(self.gaps, self.gaps[1:], strict=False)
            at = min(enumerate(pairs), key=lambda pair: pair[1][1].first - pair[1][0].last)[0]
            one, other = self.gaps[at : at + 2]
            self.gaps[at : at + 2] = [replace(one, last=other.last, asked=max(one.asked, other.asked))]
