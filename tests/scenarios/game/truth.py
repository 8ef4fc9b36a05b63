"""Truth: what an exact observer would report of a film, in the media time of its pictures."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tests.scenarios.game.story import Span, Story

MS = 1_000_000
COVERED_MS = 300  # covered so soon after it came, a line was not there in three samples in a row
HALF_MS = 40  # after its beginning a screen is half there
SEEN_AS = {"raid": "gameplay_hud"}
STATES = {
    "menu_screen": "idle", "stash_screen": "stash", "pre_raid_screen": "pre_raid", "queue_timer": "queue", "match_found": "deploying",
    "raid": "raid_active", "death_screen": "terminal", "survived_screen": "terminal", "mia_screen": "terminal",
    "post_raid_screen": "post_raid_review",
}  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One event as it should be reported; `until_pts_ns` is the last picture it shows in."""

    kind: str
    pts_ns: int
    until_pts_ns: int
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Truth:
    seed: int
    size: tuple[int, int]
    pictures: int
    end_pts_ns: int
    screens: tuple[Fact, ...]
    facts: tuple[Fact, ...]  # all events, in order of time

    def of(self, kind: str) -> list[Fact]:
        return [fact for fact in self.facts if fact.kind == kind]

    def document(self) -> dict[str, Any]:
        return asdict(self)


def truth(told: Story, times_ms: Sequence[int], size: tuple[int, int]) -> Truth:
    """A thing begins with the first picture that shows it; what fades begins and ends where it is half there."""

    def fact(kind: str, span: Span, fields: Mapping[str, str] | None = None) -> Fact:
        faded = HALF_MS if span.start_ms and span in told.screens else 0
        first = bisect_left(times_ms, span.start_ms + faded)
        last = bisect_left(times_ms, span.end_ms) - 1
        return Fact(kind, times_ms[min(first, len(times_ms) - 1)] * MS, times_ms[max(last, 0)] * MS, dict(fields or {}))

    screens = tuple(fact(SEEN_AS.get(each.name, each.name), each, each.fields) for each in told.screens)
    facts = [fact(SEEN_AS.get(each.name, each.name), each, _shown(each)) for each in told.screens]
    for kill in told.kills:
        seen = fact("kill_notification", replace(kill, start_ms=_uncovered(told, kill.start_ms)), _kill(kill))
        facts += [seen, Fact("kill_detected", seen.pts_ns, seen.pts_ns, seen.fields)]
    facts += _states(told, fact)
    in_order = tuple(sorted(facts, key=lambda each: (each.pts_ns, each.kind)))
    return Truth(told.seed, size, len(times_ms), times_ms[-1] * MS, screens, in_order)


def _uncovered(told: Story, ms: int) -> int:
    """Nobody can know of a line while something covers it."""
    return max([ms, *(each.end_ms for each in told.disturbances if each.name == "popup" and each.start_ms - COVERED_MS <= ms < each.end_ms)])


def _shown(screen: Span) -> dict[str, str]:
    """The fields that can be read while the screen is there."""
    wanted = {"pre_raid_screen": ("map", "side", "mode"), "loading_screen": ("map",)}.get(screen.name, ("outcome", "exit"))
    return {name: screen.fields[name] for name in wanted if name in screen.fields}


def _kill(kill: Span) -> dict[str, str]:
    return {name: value for name, value in kill.fields.items() if value}


def _states(told: Story, fact: Any) -> list[Fact]:
    facts: list[Fact] = []
    state = "idle"
    for screen in told.screens:
        after = STATES.get(screen.name, state)
        if after == state:
            continue
        seen = fact("state_changed", screen, {"from": state, "to": after})
        facts.append(seen)
        if after == "raid_active":
            facts.append(Fact("raid_started", seen.pts_ns, seen.pts_ns))
        if state == "raid_active":
            facts.append(Fact("raid_ended", seen.pts_ns, seen.pts_ns, {"outcome": screen.fields["outcome"]}))
        state = after
    return facts
