"""Schedule: weekly hours in the box's own time, such as `mon-fri 22:00-06:00`; over midnight, and right when clocks are put on or back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FORM = re.compile(r"(?P<days>[a-z,-]+) (?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)")
LIKE = "is like `mon-fri 22:00-06:00`, `sat,sun 00:00-24:00` or `daily 07:30-19:00`"


@dataclass(frozen=True, slots=True)
class Hours:
    """From so many minutes after midnight of these days; `end_min` beyond 1440 is on the next day."""

    days: frozenset[int]
    start_min: int
    end_min: int


@dataclass(frozen=True, slots=True)
class Span:
    """Instants, nanoseconds since 1970."""

    start_ns: int
    end_ns: int


def parse(text: str) -> Hours:
    """ValueError says what it should be like."""
    match = FORM.fullmatch(text.strip().lower())
    if not match:
        raise ValueError(f"{text!r}: {LIKE}")
    start, end = _minutes(match["start"], text), _minutes(match["end"], text)
    if start in {end, 1440}:
        raise ValueError(f"{text!r}: lasts no time; a whole day is 00:00-24:00")
    return Hours(frozenset(_days(match["days"], text)), start, end if end > start else end + 1440)


def _minutes(text: str, whole: str) -> int:
    hours, minutes = int(text[:2]), int(text[3:])
    if minutes > 59 or hours * 60 + minutes > 1440:
        raise ValueError(f"{whole!r}: {text} is no time of day")
    return hours * 60 + minutes


def _days(text: str, whole: str) -> Iterator[int]:
    for part in text.split(","):
        first, _, last = ("mon-sun" if part == "daily" else part).partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError(f"{whole!r}: {part} are no days; {LIKE}")
        begin = DAYS.index(first)
        yield from ((begin + n) % 7 for n in range((DAYS.index(last or first) - begin) % 7 + 1))


def span_at(hours: Sequence[Hours], wall_ns: int, zone: tzinfo | None = None) -> Span | None:
    """The hours that an instant lies in, hours that touch taken as one; as far as the next two days. `zone` None: the box's own."""
    today = datetime.fromtimestamp(wall_ns // 1_000_000_000, zone).date()
    found: Span | None = None
    for span in sorted(_spans(hours, today, zone), key=lambda span: span.start_ns):
        if found and span.start_ns <= found.end_ns:
            found = Span(found.start_ns, max(found.end_ns, span.end_ns))
        elif found and found.end_ns > wall_ns:
            break
        else:
            found = span
    return found if found and found.start_ns <= wall_ns < found.end_ns else None


def _spans(hours: Sequence[Hours], today: date, zone: tzinfo | None) -> Iterator[Span]:
    for day in (today + timedelta(days=n) for n in range(-2, 3)):
        for each in hours:
            if day.weekday() in each.days:
                yield Span(_instant(day, each.start_min, zone, 0), _instant(day, each.end_min, zone, 1))


def _instant(day: date, minutes: int, zone: tzinfo | None, fold: int) -> int:
    """When clocks show it; of what they show twice the first to begin, the second to end; of what they leave out when they leap."""
    shown = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)
    early, late = (int(shown.replace(tzinfo=zone, fold=each).timestamp()) for each in (0, 1))
    if early > late:  # left out
        return _leap(late, early, zone) * 1_000_000_000
    return (late if fold else early) * 1_000_000_000


def _leap(before_s: int, after_s: int, zone: tzinfo | None) -> int:
    """The second at which clocks are put on, between two instants."""
    offset = datetime.fromtimestamp(before_s, zone).astimezone(zone).utcoffset()
    while after_s - before_s > 1:
        middle = (before_s + after_s) // 2
        if datetime.fromtimestamp(middle, zone).astimezone(zone).utcoffset() == offset:
            before_s = middle
        else:
            after_s = middle
    return after_s
