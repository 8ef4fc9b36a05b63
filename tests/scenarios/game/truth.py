"""Truth: what an exact observer would report of a film, in the media time of its pictures."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tests.scenarios.game.story import FADE_MS, KILL_IN_MS, Span, Story

MS = 1_000_000
COVERED_MS = 300  # covered so soon after it came, a line was not there in three samples in a row
SEEN_AS = {"raid": "gameplay_hud"}
STATES = {
    "menu_screen": "idle", "stash_screen": "stash", "pre_raid_screen": "pre_raid", "queue_timer": "queue", "match_found": "deploying",
    "raid": "raid_active", "death_screen": "terminal", "survived_screen": "terminal", "mia_screen": "terminal",
    "post_raid_screen": "post_raid_review",
}  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One event as it should be reported: it began somewhere from the first picture that shows anything of it to the first that shows
    all of it, for most things fade in."""

    kind: str
    pts_ns: int
    clear_pts_ns: int
    fields: Mapping[str, str] = field(default_factory=dict)

    def error_ns(self, pts_ns: int) -> int:
        """How far outside of that a time is."""
        return max(0, self.pts_ns - pts_ns, pts_ns - self.clear_pts_ns)


@dataclass(frozen=True)
class Truth:
    seed: int
    size: tuple[int, int]
    pictures: int
    end_pts_ns: int
    facts: tuple[Fact, ...]  # all events, in order of time

    def of(self, kind: str) -> list[Fact]:
        return [fact for fact in self.facts if fact.kind == kind]

    def document(self) -> dict[str, Any]:
        return asdict(self)


def truth(told: Story, times_ms: Sequence[int], size: tuple[int, int]) -> Truth:
    """In the pictures there are: what falls between two of them shows in the later."""

    def shown(ms: int) -> int:
        return times_ms[min(bisect_left(times_ms, ms), len(times_ms) - 1)] * MS

    def fact(kind: str, span: Span, fields: Mapping[str, str], fades_ms: tuple[int, int]) -> Fact:
        before, after = fades_ms if span.start_ms else (0, 0)
        return Fact(kind, shown(span.start_ms - before), shown(span.start_ms + after), dict(fields))

    screens = [fact(SEEN_AS.get(each.name, each.name), each, _shown(each), (0, FADE_MS)) for each in told.screens]
    facts = list(screens)
    for kill in told.kills:
        start_ms = _uncovered(told, kill.start_ms)
        fades_ms = (KILL_IN_MS // 2, KILL_IN_MS // 2) if start_ms == kill.start_ms else (0, 0)
        seen = fact("kill_notification", replace(kill, start_ms=start_ms), _kill(kill), fades_ms)
        facts += [seen, replace(seen, kind="kill_detected")]
    facts += _states(told, screens)
    in_order = tuple(sorted(facts, key=lambda each: (each.pts_ns, each.kind)))
    return Truth(told.seed, size, len(times_ms), times_ms[-1] * MS, in_order)


def _uncovered(told: Story, ms: int) -> int:
    """Nobody can know of a line while something covers it."""
    popups = (each for each in told.disturbances if each.name == "popup" and each.look % 2)
    return max([ms, *(each.end_ms for each in popups if each.start_ms - COVERED_MS <= ms < each.end_ms)])


def _shown(screen: Span) -> dict[str, str]:
    """The fields that can be read while the screen is there."""
    wanted = {"pre_raid_screen": ("map", "side", "mode"), "loading_screen": ("map",)}.get(screen.name, ("outcome", "exit"))
    return {name: screen.fields[name] for name in wanted if name in screen.fields}


def _kill(kill: Span) -> dict[str, str]:
    return {name: value for name, value in kill.fields.items() if value}


def _states(told: Story, screens: Sequence[Fact]) -> list[Fact]:
    facts: list[Fact] = []
    state = "idle"
    for screen, seen in zip(told.screens, screens, strict=True):
        after = STATES.get(screen.name, state)
        if after == state:
            continue
        facts.append(replace(seen, kind="state_changed", fields={"from": state, "to": after}))
        if after == "raid_active":
            facts.append(replace(seen, kind="raid_started", fields={}))
        if state == "raid_active":
            facts.append(replace(seen, kind="raid_ended", fields={"outcome": screen.fields["outcome"]}))
        state = after
    return facts
