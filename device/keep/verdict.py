"""Verdict: the state of the storage as the owner should read it: one word, and a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.storage import StorageState
from device.keep.amounts import written
from device.keep.room import Room
from device.keep.shelf import Totals
from device.pipeline.board import PartWord


@dataclass(slots=True)
class Findings:
    """What one round found."""

    totals: dict[str, Totals]
    room: Room | None = None
    cleaning: bool = False  # short of room, and there is still something to remove
    in_the_way: bool = False  # short of room, and nothing that may go would change that
    full: bool = False  # so short that recording stops
    over: dict[str, tuple[Totals, int]] = field(default_factory=dict)  # shelf -> what it holds and its budget, and nothing more may go
    distrusted: dict[str, str] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    ballast_bytes: int = 0
    notice: str = ""  # what happens to unacknowledged training data, and when


@dataclass(frozen=True, slots=True)
class Verdict:
    state: StorageState
    level: PartWord
    reason: str


def verdict(found: Findings) -> Verdict:
    """The worst first; everything else that is wrong behind it."""
    said: list[tuple[StorageState, str]] = []
    if found.in_the_way:
        said.append(_in_the_way(found))
    said += [("untrusted", f"nothing of {shelf} is removed: {why}") for why, shelf in _by_reason(found.distrusted).items()]
    said += [_over(shelf, totals, budget, found.notice) for shelf, (totals, budget) in found.over.items()]
    said += [("failing", text) for text in found.troubles[-3:]]
    if not said:
        return Verdict("cleaning" if found.cleaning else "ok", "ok", "")
    level: PartWord = "failed" if found.full and (found.in_the_way or found.troubles) else "degraded"
    return Verdict(said[0][0], level, "; also: ".join(text for _, text in said))


def _by_reason(distrusted: Mapping[str, str]) -> dict[str, str]:
    """Each reason once, with the shelves it holds for."""
    shelves: dict[str, list[str]] = {}
    for shelf, why in distrusted.items():
        shelves.setdefault(why, []).append(shelf)
    return {why: ", ".join(names) for why, names in shelves.items()}


def _in_the_way(found: Findings) -> tuple[StorageState, str]:
    pinned, waiting = sum_of(found.totals, "pinned_bytes"), sum_of(found.totals, "unacknowledged_bytes")
    free = f"{written(found.room.free_bytes)} free" if found.room else "little room"
    others = (other_bytes(found) or 0) + sum_of(found.totals, "fixed_bytes")
    if others > pinned + waiting:
        return "others", f"{free}: {written(others)} on this disk are not recordings; make room there or give it a larger disk"
    if waiting > pinned:
        text = f"{written(waiting)} of training data that the trainer has not acknowledged"
        return "unacknowledged", f"{free}, and what is left is mostly {text}; connect the trainer or add room{found.notice}"
    return "pinned", f"{free}, and everything left is pinned ({written(pinned)}): unpin or add room"


def _over(shelf: str, totals: Totals, budget: int, notice: str) -> tuple[StorageState, str]:
    bound = f"{written(totals.bytes)} are more than its budget of {written(budget)}"
    if totals.unacknowledged_bytes > totals.pinned_bytes:
        waiting = written(totals.unacknowledged_bytes)
        mend = f"connect the trainer or raise storage.{shelf}.budget{notice}"
        return "unacknowledged", f"{shelf}: {bound}, {waiting} of them not acknowledged by the trainer; {mend}"
    return "pinned", f"{shelf}: {bound}, and everything left is pinned or must stay; unpin or raise storage.{shelf}.budget"


def sum_of(totals: Mapping[str, Totals], what: str) -> int:
    return sum(int(getattr(each, what)) for each in totals.values())


def other_bytes(found: Findings) -> int | None:
    """Used on this file system by what is on no shelf."""
    if found.room is None:
        return None
    used = found.room.total_bytes - found.room.free_bytes
    return max(0, used - sum_of(found.totals, "bytes") - found.ballast_bytes)
