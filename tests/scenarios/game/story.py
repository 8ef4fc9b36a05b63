"""Story: what happens in an hour of a game that does not exist: which screen from when on, who falls to what, and what gets in the way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

MAPS = ("GLASSWORKS", "NORTH QUARRY", "TIDAL YARD", "SIGNAL HILL")
SIDES, MODES = ("OPERATIVE", "DRIFTER"), ("PVE", "PVP")
VICTIMS = ("RUST STALKER", "BONE PICKER", "GRID WARDEN", "ASH HOUND", "TUNNEL BROKER", "STATIC MONK", "SALT RIDER", "LAMP KEEPER")
WEAPONS = ("K-7 CARBINE", "OTTER SMG", "LONG FIN", "TWIN HAMMER", "MASON 12", "PIN DAGGER")
EXITS = ("WEST DRAIN", "OLD FERRY", "RADIO STAIRS", "COAL GATE")
OUTCOMES = {"survived_screen": "SURVIVED", "death_screen": "KILLED IN ACTION", "mia_screen": "MISSING IN ACTION"}
CHAT = (
    "mote: anyone for the quarry?", "pell: LONG FIN is too slow", "ivo: we SURVIVED that by luck", "mote: headshot through the fence",
    "pell: selling ASH HOUND pelts", "ivo: queue is long today",
)  # fmt: skip
OBJECTIVES = ("OBJECTIVE: FIND THE LEDGER", "OBJECTIVE: REACH THE PIER", "OBJECTIVE: LISTEN")
FADE_MS = 160  # from one screen to the next
KILL_IN_MS, KILL_OUT_MS = 180, 400  # fading of a line, half of it before its time and half behind
KILL_MS = 4500  # a line stands so long
SAME_KILL_MS = 9000  # two alike are further apart than that: the line says no more


@dataclass(frozen=True)
class Span:
    """Something that is there from `start_ms` up to `end_ms`."""

    name: str
    start_ms: int
    end_ms: int
    fields: dict[str, str] = field(default_factory=dict)
    look: int = 0  # decides fonts, colours and places that do not matter


@dataclass(frozen=True)
class Story:
    seed: int
    screens: tuple[Span, ...]  # one follows the other without a gap
    kills: tuple[Span, ...]
    disturbances: tuple[Span, ...]  # what is to change nothing
    end_ms: int

    def screen_at(self, ms: int) -> Span:
        return next(screen for screen in self.screens if screen.start_ms <= ms < screen.end_ms)


def story(seed: int, seconds: float) -> Story:
    """The same for the same seed and length."""
    dice = random.Random(f"story {seed} {seconds}")
    screens: list[Span] = []
    end_ms = round(seconds * 1000)

    def add(name: str, least_s: float, most_s: float, **fields: str) -> Span:
        start = screens[-1].end_ms if screens else 0
        screens.append(Span(name, start, start + round(dice.uniform(least_s, most_s) * 1000), fields, dice.randrange(1 << 30)))
        return screens[-1]

    add("menu_screen", 3, 4)
    add("stash_screen", 3, 5)
    while screens[-1].end_ms + 50_000 < end_ms:
        where, side, mode = dice.choice(MAPS), dice.choice(SIDES), dice.choice(MODES)
        add("pre_raid_screen", 2.5, 4, map=where, side=side, mode=mode)
        add("queue_timer", 3, 6)
        if dice.random() < 0.12 and seconds > 300:  # given up
            add("stash_screen", 2.5, 4)
            continue
        add("match_found", 1.5, 2.5)
        add("loading_screen", 3, 5, map=where)
        add("raid", 18, 22 if seconds < 300 else 40, map=where)
        ending = dice.choice(tuple(OUTCOMES))
        exit_ = {"exit": dice.choice(EXITS)} if ending == "survived_screen" else {}
        add(ending, 3, 5, outcome=OUTCOMES[ending], **exit_)
        add("post_raid_screen", 2.5, 4.5)
        add("stash_screen", 2.5, 5)
    last = screens.pop()
    screens.append(Span(last.name, last.start_ms, max(end_ms, last.start_ms + 2000), last.fields, last.look))
    raids = [screen for screen in screens if screen.name == "raid"]
    kills = tuple(kill for raid in raids for kill in _kills(raid, dice))
    disturbances = tuple(each for raid in raids for each in _disturbances(raid, dice))
    return Story(seed, tuple(screens), kills, disturbances, screens[-1].end_ms)


def _kills(raid: Span, dice: random.Random) -> Iterator[Span]:
    """Some alone, some two or three at a time; the last has faded before the raid ends."""
    at, last = raid.start_ms + dice.randrange(1200, 2500), raid.end_ms - KILL_MS - 800
    before: list[tuple[int, str, str]] = []
    while at < last:
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            free = [(v, w) for v in VICTIMS for w in WEAPONS if not any(o[1:] == (v, w) and at - o[0] < SAME_KILL_MS for o in before)]
            victim, weapon = dice.choice(free)
            before.append((at, victim, weapon))
            fields = {"victim": victim, "weapon": weapon, "distance": str(dice.randrange(3, 320))}
            headshot = "HEADSHOT" if dice.random() < 0.35 else ""
            yield Span("kill_notification", at, at + KILL_MS, {**fields, "headshot": headshot}, dice.randrange(1 << 30))
            at += dice.choice((0, 150, 400))
        at += dice.randrange(1800, 6500)


def _disturbances(raid: Span, dice: random.Random) -> Iterator[Span]:
    for kind, count, least, most in (
        ("flash", 3, 120, 260), ("dark", 2, 900, 2500), ("bright", 2, 900, 2500), ("popup", 2, 250, 400), ("objective", 2, 2500, 3500),
        ("chat", 4, 3000, 6000), ("inventory", 1, 1200, 1900),
    ):  # fmt: skip
        for _ in range(count):
            start = dice.randrange(raid.start_ms + 2500, raid.end_ms - most - 500)
            look = dice.randrange(1 << 30)
            text = {"chat": CHAT, "objective": OBJECTIVES}.get(kind, ("",))
            yield Span(kind, start, start + dice.randrange(least, most), {"text": text[look % len(text)]}, look)


def picture_times(told: Story, fps: float = 24.0) -> list[int]:
    """When each picture is shown, milliseconds, rising: spells of 60, of `fps` and of 20 pictures a second, none even, and stalls."""
    dice = random.Random(f"times {told.seed}")
    times: list[int] = []
    at, until, rate = 0.0, 0.0, fps
    while at < told.end_ms:
        if at >= until:
            rate = dice.choice((fps, fps, 20.0, 60.0))
            until = at + (dice.uniform(300, 900) if rate == 60.0 else dice.uniform(2000, 9000))
            if at and dice.random() < 0.25:
                at += dice.uniform(180, 280)  # the recorder stalled
        if not times or round(at) > times[-1]:
            times.append(round(at))
        at += 1000 / rate * dice.uniform(0.75, 1.25)
    return times
