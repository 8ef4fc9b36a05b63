"""When a recording began: what the owner says, else what the container says, else when the file was last written."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from av.container import InputContainer

StartSource = Literal["option", "creation_time", "mtime"]
CREATION_TAGS = ("creation_time", "com.apple.quicktime.creationdate", "date")
OLDEST_YEAR = 1990  # cameras without a clock write 1904 and 1970
LAST_YEAR = 2199
LONGEST_NS = 10 * 365 * 86_400 * 1_000_000_000  # a header that claims more than ten years is damaged


def to_ns(moment: datetime) -> int:
    """UTC nanoseconds since 1970; a time without a zone is UTC."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    since = zoned - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000


def creation_ns(metadata: dict[str, str]) -> int | None:
    """The first tag that holds a whole date and time that a camera with a clock could have written."""
    for tag in CREATION_TAGS:
        text = metadata.get(tag, "").strip().replace("Z", "+00:00").replace("z", "+00:00")
        if len(text) < len("2000-01-01T00:00"):
            continue
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            continue
        if OLDEST_YEAR <= moment.year <= LAST_YEAR:
            return to_ns(moment)
    return None


def start_of(path: Path, container: InputContainer, option: datetime | None) -> tuple[int, StartSource]:
    """Wall time of media time zero and where it is known from."""
    if option is not None:
        return to_ns(option), "option"
    tagged = creation_ns({**(container.streams.video[0].metadata if container.streams.video else {}), **container.metadata})
    if tagged is not None:
        return tagged, "creation_time"
    written_ns, lasts_ns = path.stat().st_mtime_ns, (container.duration or 0) * 1000
    return written_ns - (lasts_ns if 0 <= lasts_ns < LONGEST_NS else 0), "mtime"
