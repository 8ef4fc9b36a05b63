"""Sessions as a shelf: whole folders, the oldest first, never one that is open, unfinished, pinned or of another disk."""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from contracts.session import SessionManifest
from contracts.wire import utc_from_ns
from device.keep.sessions import SessionShelf
from device.pipeline.tally import Tally
from tests.clocks import T0_NS
from tests.device.keep.fakes import DAY_NS, House, MemoryShelf

TAKE = "{}-pitch-001"


def session(
    data: Path, day: int, number: int = 1, *, state: Literal["open", "complete"] = "complete", size: int = 1000, finished: bool = True
) -> Path:
    """A session of `day` days ago with one take in it, as the box leaves it."""
    start = utc_from_ns(T0_NS - day * DAY_NS)
    folder = data / "recordings" / f"session-{start:%Y-%m-%d}_{number:03d}"
    take = folder / TAKE.format(folder.name)
    (take / "frames" / "left").mkdir(parents=True)
    (take / "left.mp4").write_bytes(bytes(size))
    (take / "frames" / "left" / "first.png").write_bytes(bytes(50))
    (take / ("manifest.json" if finished else "take.jsonl.part")).write_text("{}")
    over = start + timedelta(minutes=5) if state == "complete" else None
    said = SessionManifest.model_construct(
        session_id=folder.name, kind="pitch", state=state, start=start, end=over, cameras=["left"], takes=[take.name], calibrated="none"
    )  # fmt: skip
    (folder / "manifest.json").write_text(said.model_dump_json())
    return folder


class Faults:
    def __init__(self) -> None:
        self.met: list[tuple[str, Exception]] = []

    def __call__(self, doing: str, error: Exception) -> None:
        self.met.append((doing, error))


def shelf(data: Path, faults: Faults | None = None, foreign: str = "") -> SessionShelf:
    return SessionShelf(data, "recordings", faults or Faults(), lambda: foreign)


def names(kept: SessionShelf, order: str = "oldest") -> list[str]:
    return [item.name.rpartition("/")[2] for item in kept.items("largest" if order == "largest" else "oldest")]


def test_finished_sessions_are_offered_the_oldest_first_or_the_largest(tmp_path: Path) -> None:
    new, old, large = session(tmp_path, 1), session(tmp_path, 9), session(tmp_path, 5, size=90_000)
    kept = shelf(tmp_path)
    assert names(kept) == [old.name, large.name, new.name]
    assert names(kept, "largest")[0] == large.name
    first = next(kept.items("oldest"))
    assert (first.files, first.wall_ns) == (4, T0_NS - 9 * DAY_NS)
    assert first.bytes == sum(path.stat().st_size for path in old.rglob("*") if path.is_file())


def test_one_that_is_open_unfinished_pinned_or_unknown_is_counted_and_stays(tmp_path: Path) -> None:
    session(tmp_path, 9, state="open")
    session(tmp_path, 8, finished=False)
    pinned = session(tmp_path, 7)
    (pinned / ".keep").touch()
    (session(tmp_path, 6) / "manifest.json").write_text("not one of ours")
    (session(tmp_path, 5) / "manifest.json").unlink()
    free = session(tmp_path, 4)
    kept = shelf(tmp_path)
    assert names(kept) == [free.name]
    totals = kept.totals()
    assert totals.count == 6
    assert totals.pinned_bytes == sum(path.stat().st_size for path in pinned.rglob("*") if path.is_file())
    assert totals.bytes - totals.pinned_bytes - totals.fixed_bytes == next(kept.items("oldest")).bytes


def test_a_session_goes_with_all_that_is_in_it_and_nothing_else(tmp_path: Path) -> None:
    folder, other = session(tmp_path, 2), session(tmp_path, 1)
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "letter").write_text("kept")
    (folder / "way-out").symlink_to(outside)
    os.mkfifo(folder / "pipe")
    kept = shelf(tmp_path)
    (item, _) = kept.items("oldest")
    kept.remove(item, "budget")
    kept.remove(item, "budget")  # harmless when it is gone
    assert not folder.exists()
    assert (outside / "letter").read_text() == "kept"
    assert [path.name for path in (tmp_path / "recordings").iterdir()] == [other.name]


def test_a_removal_that_was_cut_off_is_gone_on_with_and_is_no_session_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = session(tmp_path, 2)
    faults = Faults()
    kept, real = shelf(tmp_path, faults), os.unlink

    def refusing(path: str, **more: object) -> None:
        if path == "left.mp4":
            raise OSError(errno.EIO, "fault")
        real(path, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "unlink", refusing)
    with pytest.raises(OSError, match="fault"):
        kept.remove(next(kept.items("oldest")), "budget")
    assert not folder.exists()
    assert kept.totals().count == 0
    assert [error.args[0] for _, error in faults.met] == [errno.EIO]
    monkeypatch.undo()
    kept.totals()
    assert list((tmp_path / "recordings").iterdir()) == []


def test_a_pin_is_seen_at_once_and_so_is_its_end(tmp_path: Path) -> None:
    folder = session(tmp_path, 2)
    kept = shelf(tmp_path)
    assert names(kept) == [folder.name]
    (folder / ".keep").touch()
    assert names(kept) == []
    (folder / ".keep").unlink()
    assert names(kept) == [folder.name]


def test_links_are_no_sessions_and_a_recordings_folder_that_is_one_is_a_fault(tmp_path: Path) -> None:
    elsewhere = session(tmp_path / "other", 3)
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / elsewhere.name).symlink_to(elsewhere)
    assert shelf(tmp_path).totals().count == 0
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "recordings").symlink_to(elsewhere.parent)
    with pytest.raises(NotADirectoryError):
        shelf(tmp_path / "third").totals()


def test_on_a_foreign_disk_not_even_what_was_begun_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "recordings" / ".going-session-2026-01-01_001"
    left.mkdir(parents=True)
    kept = shelf(tmp_path, foreign="the recordings of another box")
    kept.totals()
    assert left.exists()
    assert kept.distrusted == "the recordings of another box"


def test_no_folder_at_all_is_an_empty_shelf(tmp_path: Path) -> None:
    assert shelf(tmp_path).totals().count == 0
    assert names(shelf(tmp_path)) == []


def test_the_janitor_keeps_sessions_within_their_budget_and_says_which_went(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in (9, 8, 7, 1):
        session(tmp_path, day, size=1_000_000)
    box = House(tmp_path, monkeypatch, "clips", sessions={"budget": "2500 kB"})
    sessions = shelf(tmp_path)
    box.shelves["sessions"] = sessions  # type: ignore[assignment]
    box.janitor = box.hire()
    box.settle()
    box.round()
    gone = [removal.item for removal in box.removals()]
    assert [name[-14:] for name in gone] == ["2026-09-12_001", "2026-09-13_001"]
    report = box.janitor.report().shelves["sessions"]
    assert (report.count, report.removed_count) == (2, 2)
    assert report.bytes < 2_500_000 == report.budget_bytes
    assert isinstance(box.shelves["clips"], MemoryShelf)
    assert isinstance(box.tally, Tally)
