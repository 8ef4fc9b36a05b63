"""Day: the pictures of a day that are most worth a person's look, so many and no more, on disk until the day is over.

The best are those with the highest weight / lot (priority sampling: Duffield, Lund, Thorup, J. ACM 54, 2007). When the day is over, the
rank of the best that was not among them is known, and with it the probability of each that was: what is learnt of them is true of all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from contracts.errors import VedetteError
from contracts.files import file_name, storage, write_durably
from contracts.wire import Wire
from dataset.layout import read_small
from dataset.picture import encoded, pixels
from device.export.nominee import Nominee
from vision.types import Image

log = logging.getLogger(__name__)
DAY_NS = 86_400_000_000_000
LARGEST_NOTE = 4 << 20
STATE = "day.json"
W = TypeVar("W", bound=Wire)


class _State(Wire):
    """`threshold`: the highest rank of those that are not among the best."""

    day: int = 0
    threshold: float = 0.0


class Day:
    """One thread's. What `offer` returned from survives; a picture that loses is gone, and its rank is remembered before."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most
        self._state, self._waiting = _State(), dict[str, Nominee]()
        if folder.is_dir():
            self._recover()

    def _recover(self) -> None:
        """Pictures without a note were on their way in or out."""
        with storage(self._folder):
            self._state = _read(_State, self._folder / STATE) or _State()
            for path in sorted(self._folder.iterdir()):
                nominee = _read(Nominee, path) if path.suffix == ".json" and path.name != STATE else None
                if nominee is not None and path.with_suffix(".png").is_file():
                    self._waiting[path.stem] = nominee
            kept = {f"{name}{end}" for name in self._waiting for end in (".json", ".png")} | {STATE}
            for path in self._folder.iterdir():
                if path.name not in kept:
                    path.unlink()

    def __len__(self) -> int:
        return len(self._waiting)

    def is_over(self, day: int) -> bool:
        """Whether what waits is of a day that has passed, or that a wrong clock made up; late frames of yesterday count for today."""
        return bool(self._waiting) and not self._state.day - 1 <= day <= self._state.day

    def offer(self, nominee: Nominee, picture: Image) -> str:
        """Why it is not kept; empty: it waits. Of one day; what waits of another was given out before."""
        if self._state.day != nominee.day and not self._waiting:
            self._note(_State(day=nominee.day))
        name = file_name(f"{nominee.source}-{nominee.session}-{nominee.pts_ns}")
        if name in self._waiting:
            return "repeated"
        best = self._best()
        if len(best) >= self._most and nominee.rank <= self._waiting[best[-1]].rank and not nominee.sure:
            self._raise(nominee.rank)
            return "less_worth"
        write_durably(self._folder / f"{name}.png", encoded(picture, 1))
        write_durably(self._folder / f"{name}.json", nominee.model_dump_json().encode())
        self._waiting[name] = nominee
        self._cut()
        return ""

    def _best(self) -> list[str]:
        """The best first; `most` of them."""
        return sorted(self._waiting, key=lambda name: (-self._waiting[name].rank, name))[: self._most]

    def _cut(self) -> None:
        """Who is no more among the best, and is not kept for another reason, goes."""
        best = set(self._best())
        for name in [name for name in self._waiting if name not in best]:
            self._raise(self._waiting[name].rank)
            if not self._waiting[name].sure:
                self._drop(name)

    def _raise(self, rank: float) -> None:
        if rank > self._state.threshold:
            self._note(_State(day=self._state.day, threshold=rank))

    def _note(self, state: _State) -> None:
        write_durably(self._folder / STATE, state.model_dump_json().encode())
        self._state = state

    def result(self) -> Iterator[tuple[Nominee, Image, str, float]]:
        """Everything that waits, in the order of its time, with the reason and the probability of it."""
        best = set(self._best())
        for name, nominee in sorted(self._waiting.items(), key=lambda each: (each[1].timestamp, each[0])):
            path = self._folder / f"{name}.png"
            try:
                image = pixels(read_small(path), path.name)
            except VedetteError as error:  # the disk lost it: the others are good all the same
                log.error("a picture that waited is lost", extra={"path": path.name, "reason": str(error)})
                continue
            reason = nominee.reason if name in best else nominee.sure
            yield nominee, image, reason, nominee.probability(self._state.threshold)

    def clear(self) -> None:
        """After `result` is safe elsewhere."""
        for name in list(self._waiting):
            self._drop(name)
        self._note(_State())

    def _drop(self, name: str) -> None:
        self._waiting.pop(name)
        for end in (".json", ".png"):
            with suppress(FileNotFoundError), storage(self._folder):
                (self._folder / f"{name}{end}").unlink(missing_ok=True)


def _read(kind: type[W], path: Path) -> W | None:
    """None: damaged, or not ours."""
    try:
        return kind.model_validate_json(read_small(path, LARGEST_NOTE))
    except (ValidationError, VedetteError, RecursionError):
        return None
