"""Words: times, sizes and digests as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

from markupsafe import Markup

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
UNITS = ("B", "kB", "MB", "GB", "TB")


def moment(value: int | datetime | None) -> Markup:
    """Microseconds since 1970, or a time; the browser turns it into the visitor's own zone, without scripts it is UTC and says so."""
    if value is None:
        return Markup("–")
    try:
        utc = value.astimezone(timezone.utc) if isinstance(value, datetime) else EPOCH + timedelta(microseconds=value)
    except OverflowError:
        return Markup("–")
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(timespec="milliseconds"), utc.strftime("%Y-%m-%d %H:%M:%S UTC"))


def short_digest(text: str | None) -> str:
    """`sha256:0123456789ab…`"""
    kind, found, digits = (text or "–").partition(":")
    return f"{kind}:{digits[:12]}…" if found and len(digits) > 12 else (text or "–")


def size(count: float | None) -> str:
    if count is None:
        return "–"
    power = 0
    while count >= 1000 and power < len(UNITS) - 1:
        count, power = count / 1000, power + 1
    return f"{count:.0f} {UNITS[power]}" if power == 0 or count >= 100 else f"{count:.1f} {UNITS[power]}"


def span(seconds: float | None) -> str:
    """`4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{max(0.0, seconds):.1f} s"
    parts = [(86400, "d"), (3600, "h"), (60, "min"), (1, "s")]
    first = next(n for n, (length, _) in enumerate(parts) if seconds >= length)
    words, left = [], int(seconds)
    for length, name in parts[first : first + 2]:
        count, left = divmod(left, length)
        words += [f"{count} {name}"] if count else []
    return " ".join(words)


def figure(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def query(values: Mapping[str, object], **changed: object) -> str:
    """What of it says something, as the end of an address."""
    return urlencode({name: value for name, value in {**values, **changed}.items() if value not in {None, ""}})
