"""After any history of what comes, is pinned, is refused and goes: bounds hold, pins stay, the order is right, each loss is explained."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import StorageError
from contracts.removal import Removal
from device.keep.janitor import Janitor
from device.keep.options import StorageOptions
from device.keep.shelf import Kept
from device.keep.shelves import shelves
from device.keep.troubles import Troubles
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from tests.clocks import T0_NS, HandClock
from tests.device.keep.fakes import DAY_NS, MB, Disk, House, MemoryShelf, largest, oldest, read

SHELVES = ("clips", "pictures", "exports")
DISK = 1000 * MB


@dataclass(frozen=True)
class Put:
    shelf: str
    size: int
    days: int
    pinned: bool
    acknowledged: bool


@dataclass(frozen=True)
class Fill:
    """Others take or free room."""

    others: int


@dataclass(frozen=True)
class Refuse:
    """The next thing of a shelf cannot be removed from now on, or again."""

    shelf: str
    code: int


@dataclass(frozen=True)
class Turn:
    days: float


PUTS = st.builds(
    Put, st.sampled_from(SHELVES), st.integers(1, 120).map(lambda mb: mb * MB), st.integers(0, 200), st.booleans(), st.booleans()
)
FILLS = st.builds(Fill, st.integers(0, 950 * MB))
REFUSALS = st.builds(Refuse, st.sampled_from(SHELVES), st.sampled_from([0, errno.EIO, errno.EROFS, errno.EACCES]))
TURNS = st.builds(Turn, st.floats(0, 40))
HISTORIES = st.lists(st.one_of(PUTS, PUTS, PUTS, FILLS, REFUSALS, TURNS), min_size=1, max_size=30)


def act(box: House, step: Put | Fill | Refuse | Turn, number: int) -> None:
    if isinstance(step, Put):
        acknowledged = step.acknowledged or step.shelf != "exports"
        box.shelves[step.shelf].put(
            f"{step.shelf}/{number}", step.size, box.clock.wall - step.days * DAY_NS, pinned=step.pinned and number % 3 == 0,
            acknowledged=acknowledged,
        )  # fmt: skip
    elif isinstance(step, Fill):
        box.disk.others = step.others
    elif isinstance(step, Turn):
        box.clock.advance(step.days * 86_400)
    else:
        shelf = box.shelves[step.shelf]
        shelf.refuses = {} if not step.code else {name: OSError(step.code, os.strerror(step.code)) for name in list(shelf.there)[:2]}


@settings(max_examples=150)
@given(HISTORIES, st.sampled_from(["oldest", "largest"]), st.sampled_from(["keep", "alert"]))
def test_any_history(history: list[Any], order: Any, mode: Any) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        options: dict[str, Any] = {name: {"budget": f"{share}%", "order": order} for name, share in zip(SHELVES, (20, 5, 8), strict=True)}
        options["pictures"]["max_age"] = "30 days"
        options["exports"]["unacknowledged"] = mode
        box = House(Path(folder), monkeypatch, *SHELVES, disk=Disk(total=DISK, inodes=0, files=0), **options)
        ever: dict[str, Kept] = {}
        for number, step in enumerate(history):
            act(box, step, number)
            ever |= {item.name: item for shelf in box.shelves.values() for item in shelf.there.values()}
            before = {name: dict(shelf.there) for name, shelf in box.shelves.items()}
            told = len(box.removals())
            box.round()
            judge(box, before, box.removals()[told:], mode)
        gone = {name for name in ever if not any(name in shelf.there for shelf in box.shelves.values())}
        assert gone == {r.item for r in box.removals() if r.outcome == "removed"} - still(box)
        box.troubles.now()


def still(box: House) -> set[str]:
    """What a line said would go, and the disk did not let go of."""
    return {name for shelf in box.shelves.values() for name in shelf.there}


def judge(box: House, before: dict[str, dict[str, Kept]], told: list[Removal], mode: str) -> None:
    for name, shelf in box.shelves.items():
        went = [item for key, item in before[name].items() if key not in shelf.there]
        assert not any(item.pinned for item in went)
        if mode == "keep":
            assert all(item.acknowledged for item in went)
        lines = {r.item: r for r in told if r.shelf == name and r.outcome == "removed"}
        assert {item.name for item in went} <= set(lines), "each loss is explained"
        needed(shelf, went, lines)
        ordered(shelf, went, lines, box)
        bounded(box, shelf)


def needed(shelf: MemoryShelf, went: list[Kept], lines: dict[str, Removal]) -> None:
    """The last that went by the budget was still too much."""
    by_budget = [item for name in shelf.went for item in went if item.name == name and lines[name].rule == "budget"]
    if by_budget and not any(lines[item.name].rule == "watermark" for item in went):
        assert shelf.totals().bytes + by_budget[-1].bytes > (lines[by_budget[-1].name].figures.budget_bytes or 0)


def ordered(shelf: MemoryShelf, went: list[Kept], lines: dict[str, Removal], box: House) -> None:
    """Nothing that could have gone stands before what went by a budget or for room."""
    by_rule = [item for item in went if lines[item.name].rule != "age"]
    if not by_rule:
        return
    key = oldest if lines[by_rule[0].name].order == "oldest" else largest
    free = [item for item in shelf.there.values() if not item.pinned and item.acknowledged and item.name not in shelf.refuses]
    tried = {name for kind, name in box.janitor._cleaner._stuck if kind == shelf.name}
    last = max(key(item) for item in by_rule if item.acknowledged) if any(item.acknowledged for item in by_rule) else None
    assert last is None or all(key(item) > last for item in free if item.name not in tried)


def bounded(box: House, shelf: MemoryShelf) -> None:
    """Over its budget only with things that may not go or cannot."""
    budget = box.janitor.report().shelves[shelf.name].budget_bytes
    assert budget is not None
    tried = {name for kind, name in box.janitor._cleaner._stuck if kind == shelf.name}
    loose = [item for item in shelf.there.values() if not item.pinned and item.acknowledged and item.name not in {*shelf.refuses, *tried}]
    assert shelf.totals().bytes <= budget or not loose
    if shelf.name == "pictures":
        old = [item for item in loose if box.clock.wall - item.wall_ns > 30 * DAY_NS]
        assert not old


FILES = st.lists(
    st.tuples(st.sampled_from(["events/2026-09-{:02d}/{}.jpg", "snapshots/{1}-{0}.jpg", "salvage/yard/2026-09-{:02d}/{}.mp4"]),
              st.integers(1, 28), st.integers(0, 30_000), st.sampled_from(["", ".part", ".tmp"])), max_size=25,
)  # fmt: skip


@settings(max_examples=60)
@given(FILES, FILES, st.sampled_from([0, errno.EIO, errno.EACCES]))
def test_any_files_on_a_real_disk(first: list[Any], then: list[Any], code: int) -> None:
    """Real files; a fifth of the removals is refused. Nothing unfinished goes, all that goes is in the log, bounds hold at last."""
    with tempfile.TemporaryDirectory() as folder:
        data, clock = Path(folder), HandClock()
        janitor = hired(data, clock)
        janitor.step()
        made: set[str] = set()
        for files in (first, then):
            made |= set(written(data, files))
            with refusing(code):
                clock.advance(61)
                janitor.step()
        for _ in range(3):
            clock.advance(4000)
            janitor.step()
        there = {path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()}
        explained = {r.item for r in read(data) if r.outcome == "removed"}
        assert made - there <= explained
        assert {name for name in made if name.endswith((".part", ".tmp")) and not name.startswith("salvage")} <= there
        for name, root in (("pictures", "events"), ("snapshots", "snapshots"), ("salvage", "salvage")):
            loose = [data / path for path in there if path.startswith(root) and not path.endswith((".part", ".tmp"))]
            budget = janitor.report().shelves[name].budget_bytes
            assert budget is not None and sum(path.stat().st_size for path in loose) <= budget


def hired(data: Path, clock: HandClock) -> Janitor:
    small = {name: {"budget": "40 kB"} for name in ("pictures", "snapshots", "salvage")}
    options = StorageOptions.model_validate({**small, "ballast_mb": 0, "free_low": "0", "free_high": "0"})
    troubles = Troubles(clock)
    return Janitor(data, shelves(data, clock, troubles.met), options, clock=clock, board=Board(), tally=Tally(), troubles=troubles)


def written(data: Path, files: list[Any]) -> Iterator[str]:
    for number, (form, day, size, end) in enumerate(files):
        path = data / (form.format(day, number) + end)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
        os.utime(path, ns=(T0_NS - day * DAY_NS, T0_NS - day * DAY_NS))
        yield path.relative_to(data).as_posix()


def refusing(code: int) -> Any:
    real, calls = os.unlink, iter(range(10**9))

    def unlink(path: Any, **more: Any) -> None:
        if code and next(calls) % 5 == 0:
            raise OSError(code, os.strerror(code))
        real(path, **more)

    return patch.object(os, "unlink", unlink)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 90 * MB), min_size=1, max_size=40), st.data())
def test_every_error_there_is_in_any_call_of_a_shelf_leaves_a_janitor_that_goes_on(sizes: list[int], data: Any) -> None:
    codes = st.sampled_from([errno.EIO, errno.EROFS, errno.ENOENT, errno.EISDIR, errno.EACCES, errno.ESTALE, errno.ENOSPC])
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        box = House(Path(folder), monkeypatch, clips={"budget": "10%"})
        for number, size in enumerate(sizes):
            box.clips.put(str(number), size, T0_NS + number)
        code = data.draw(codes)
        box.clips.refuses = {name: OSError(code, os.strerror(code)) for name in data.draw(st.sets(st.sampled_from(list(box.clips.there))))}
        box.clips.blind = data.draw(st.sampled_from([None, StorageError("the index does not answer; see the disk")]))
        box.disk.refuses = data.draw(st.sampled_from([None, OSError(code, os.strerror(code))]))
        box.round(3)
        box.clips.blind = box.disk.refuses = None
        box.clips.refuses = {}
        box.clock.advance(4000)
        box.round(2)
        assert box.clips.totals().bytes <= 100 * MB
        box.clips.there = {name: replace(item, pinned=True) for name, item in box.clips.there.items()}
        box.clock.advance(130)
        box.round()
        assert box.part() == ("ok", "")
