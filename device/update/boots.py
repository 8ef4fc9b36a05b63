"""Boots: starts that never became ready and processes that died at a trial, counted on the disk; what does both is never run again.

The standard library alone, here and in contracts/files.py: this is read before each start, and must work when nothing else does.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from contracts.files import make_folders, storage, sync_folder, write_durably

FAILED = 3  # starts, or deaths, after which a model is not tried again
REMEMBERED = 32
PRIVATE = 0o640
HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Rejected:
    digest: str
    words: str
    told: bool = False  # to the trainer


@dataclass(frozen=True)
class Count:
    """As in boots.json; digests as sha256:<hex>."""

    current: str = ""  # the model that the starts below are counted of
    unready: int = 0  # starts of it in a row that never became ready, this one among them
    opened: bool = True  # whether the last of them came as far as the model
    good: str = ""  # the last with which the box became ready
    trial: str = ""  # what this process tries, or the one that died tried
    deaths: int = 0  # of processes that tried it
    rejected: tuple[Rejected, ...] = field(default=())


class Boots:
    """`data` is the box's folder. A file that cannot be read is begun anew: a count is lost, a start never. StorageError where
    the disk refuses to keep it: then nothing that comes after it was done."""

    def __init__(self, data: Path) -> None:
        self.path, self._models = data / "update" / "boots.json", data / "models"

    def begin(self) -> str:
        """Before a start: count it; after three that failed the last good model is put back. What was done, in words."""
        current = self.linked("current")
        if current is None:
            return ""
        with self._alone():
            return self._begin(current)

    def _begin(self, current: str) -> str:
        count, words = self.count(), ""
        if count.trial:
            count, words = _died(count)
        before = count.unready if count.opened else max(0, count.unready - 1)  # it failed without the model: of that nothing is learnt
        count = replace(count, current=current, unready=before + 1 if count.current == current else 1, opened=False)
        if count.unready > FAILED and current != count.good:
            count, words = self._back(count)
        self._write(count)
        return words

    def opening(self) -> None:
        """What comes now may be the model's doing: before, it was the configuration. Nothing where no start was counted."""
        if self.path.exists():
            with self._alone():
                self._write(replace(self.count(), opened=True))

    def ready(self) -> None:
        """The box is up with the model that is linked. Nothing where no start was counted."""
        if not self.path.exists():
            return
        with self._alone():
            count, current = self.count(), self.linked("current") or ""
            self._write(replace(count, current=current, unready=0, opened=True, good=current))

    def trying(self, digest: str) -> None:
        """From now on a model that is not trusted yet runs in this process."""
        with self._alone():
            count = self.count()
            self._write(replace(count, trial=digest, deaths=count.deaths if count.trial == digest else 0))

    def tried(self) -> None:
        """It came out of it."""
        with self._alone():
            self._write(replace(self.count(), trial="", deaths=0))

    def rejects(self, digest: str) -> str:
        """Why this model is not run here, or nothing."""
        return next((each.words for each in self.count().rejected if each.digest == digest), "")

    def untold(self) -> tuple[Rejected, ...]:
        return tuple(each for each in self.count().rejected if not each.told)

    def told(self) -> None:
        with self._alone():
            count = self.count()
            self._write(replace(count, rejected=tuple(replace(each, told=True) for each in count.rejected)))

    def pardon(self, digest: str) -> None:
        """The owner wants it all the same."""
        if self.rejects(digest):
            with self._alone():
                count = self.count()
                self._write(replace(count, rejected=tuple(each for each in count.rejected if each.digest != digest)))

    def count(self) -> Count:
        try:
            said: dict[str, Any] = json.loads(self.path.read_text())
            rejected = tuple(Rejected(str(each["digest"]), str(each["words"]), bool(each["told"])) for each in said["rejected"])
            texts = {name: str(said[name]) for name in ("current", "good", "trial")}
            opened = bool(said.get("opened", True))
            return Count(**texts, unready=int(said["unready"]), opened=opened, deaths=int(said["deaths"]), rejected=rejected)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return Count()

    def linked(self, name: str) -> str | None:
        """The digest of a slot that is there."""
        try:
            target = str((self._models / name).readlink())
        except OSError:
            return None
        there = HEX.fullmatch(target) and (self._models / target / "slot.json").is_file()
        return f"sha256:{target}" if there else None

    def _back(self, count: Count) -> tuple[Count, str]:
        """To the last good one: the one it was ready with, the previous, the factory's."""
        refused = {count.current, *(each.digest for each in count.rejected)}
        found = (self.linked(name) for name in ("previous", "factory"))
        choice = [digest for digest in found if digest is not None and digest not in refused]
        choice.sort(key=lambda digest: digest != count.good)
        if not choice:
            return count, ""
        words = f"model {count.current}: {FAILED} starts with it never became ready; {choice[0]} is in force again"
        count = _rejecting(count, count.current, words)
        self._write(count)  # before the link: cut off here, the next start does the rest
        self._link(choice[0])
        return replace(count, current=choice[0], unready=1), words

    def _link(self, digest: str) -> None:
        temp = self._models / ".current.tmp"
        with storage(self._models / "current"):
            temp.unlink(missing_ok=True)
            temp.symlink_to(digest.removeprefix("sha256:"))
            temp.replace(self._models / "current")
            sync_folder(self._models)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The start, the updater's thread and commands beside the box take turns: none writes over what another has just counted."""
        with storage(self.path):
            make_folders(self.path.parent)
            turn = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with storage(self.path):
                fcntl.flock(turn, fcntl.LOCK_EX)
            yield
        finally:
            os.close(turn)

    def _write(self, count: Count) -> None:
        write_durably(self.path, json.dumps(asdict(count)).encode(), PRIVATE, shared=True)


def _died(count: Count) -> tuple[Count, str]:
    """A process ended while it tried a model, without taking it back."""
    deaths = count.deaths + 1
    if deaths < FAILED:
        return replace(count, deaths=deaths), f"model {count.trial}: the box ended while it tried it, {deaths} of {FAILED} times"
    words = f"model {count.trial}: the box ended {deaths} times while it tried it; it is not tried again"
    return replace(_rejecting(count, count.trial, words), trial="", deaths=0), words


def _rejecting(count: Count, digest: str, words: str) -> Count:
    kept = [each for each in count.rejected if each.digest != digest]
    return replace(count, rejected=tuple([*kept, Rejected(digest, words)][-REMEMBERED:]))
