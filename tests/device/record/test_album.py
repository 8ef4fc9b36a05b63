"""The album: sessions from their manifests, newest first; what is no session, or leads elsewhere, is not in it."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from contracts.session import SessionManifest
from device.clock import SystemClock
from device.keep.sessions import SessionShelf
from device.record.album import Album

START = datetime(2026, 11, 22, 10, tzinfo=timezone.utc)


def session(root: Path, day: int, number: int, takes: tuple[str, ...] = ()) -> str:
    name = f"session-2026-11-{day:02d}_{number:03d}"
    (root / name).mkdir(parents=True)
    said = SessionManifest(
        session_id=name, kind="pitch", state="complete", start=START, cameras=["left"], calibrated="none",
        takes=[f"{name}-{take}" for take in takes],
    )  # fmt: skip
    (root / name / "manifest.json").write_text(said.model_dump_json())
    return name


def ids(album: Album, limit: int = 100, before: str | None = None) -> list[str]:
    return [each.manifest.session_id for each in album.sessions(limit, before)]


def test_newest_first_by_day_and_number_a_page_at_a_time(tmp_path: Path) -> None:
    names = [
        session(tmp_path, 1, 1),
        session(tmp_path, 2, 9),
        session(tmp_path, 2, 999),
        session(tmp_path, 2, 1000),
        session(tmp_path, 3, 1),
    ]
    album = Album(tmp_path, SystemClock())
    assert ids(album) == names[::-1]
    first = ids(album, 2)
    assert first + ids(album, 100, first[-1]) == names[::-1]


def test_what_is_no_session_is_left_out(tmp_path: Path) -> None:
    name = session(tmp_path / "recordings", 1, 1)
    other = session(tmp_path / "elsewhere", 2, 1)
    (tmp_path / "recordings" / other).symlink_to(tmp_path / "elsewhere" / other)
    (tmp_path / "recordings" / "session-2026-11-05_001").mkdir()
    (tmp_path / "recordings" / "session-2026-11-06_001").mkdir()
    (tmp_path / "recordings" / "session-2026-11-06_001" / "manifest.json").write_text("{}")
    (tmp_path / "recordings" / ".going-session-2026-11-07_001").mkdir()
    album = Album(tmp_path / "recordings", SystemClock())
    assert ids(album) == [name]
    assert album.find(other) is None
    assert album.find("../elsewhere/" + other) is None
    assert not album.pin("../elsewhere/" + other, True)
    assert ids(Album(tmp_path / "none", SystemClock())) == []


def test_a_pin_is_the_janitors_pin(tmp_path: Path) -> None:
    name = session(tmp_path / "recordings", 1, 1)
    album = Album(tmp_path / "recordings", SystemClock())
    shelf = SessionShelf(tmp_path, "recordings", lambda doing, error: None)
    assert [item.name for item in shelf.items("oldest")] == [f"recordings/{name}"]
    assert album.pin(name, True)
    assert album.pin(name, True)
    found = album.find(name)
    assert found is not None
    assert found.pinned
    assert list(shelf.items("oldest")) == []
    assert album.pin(name, False)
    assert album.pin(name, False)
    assert [item.name for item in shelf.items("oldest")] == [f"recordings/{name}"]


def test_a_take_that_is_not_finished_or_not_one_of_ours_has_no_manifest(tmp_path: Path) -> None:
    name = session(tmp_path, 1, 1, ("pitch-001", "pitch-002"))
    (tmp_path / name / f"{name}-pitch-001").mkdir()
    (tmp_path / name / f"{name}-pitch-001" / "manifest.json").write_text("[]")
    album = Album(tmp_path, SystemClock())
    found = album.find(name)
    assert found is not None
    assert [(take.manifest, take.missing) for take in album.takes(found)] == [(None, ()), (None, ())]
