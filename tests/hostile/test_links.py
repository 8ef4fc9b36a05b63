"""Links planted in the data folder: nothing outside of it is written, read out or deleted; with real links."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from device.record.catalog import Catalog
from device.record.recover import recover
from device.web.files import readable
from tests.scenarios.stage import Box, config, film, run_vedette

DAY = "2026-01-02"  # of the film


def planted(link: Path, outside: Path) -> Path:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    return link


def all_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    """What is in each file, and when it was last changed."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return film(tmp_path_factory.mktemp("film") / "a.mp4", visits=((0.5, 2.0),), seconds=3).read_bytes()


@pytest.fixture
def outside(tmp_path: Path, video: bytes) -> Path:
    """Somebody else's folder: videos, a half one, a copy, a picture that is none, and folders named as ours are."""
    folder = tmp_path / "outside"
    for place in (folder, folder / DAY, folder / "yard" / DAY):
        place.mkdir(parents=True)
        for name in ("a.mp4", "b.mp4.part", "c.mp4.copy"):
            (place / name).write_bytes(video)
        (place / "d.mp4.part").write_bytes(b"secret")
        (place / "passwd.jpg").write_bytes(b"root:x:0:0")
        (place / "e.json").write_bytes(b"{}")
    return folder


@pytest.mark.parametrize("link", ["clips", "clips/yard", f"clips/yard/{DAY}"])
def test_a_folder_of_clips_that_leads_away_is_neither_mended_nor_listed_nor_read_out(tmp_path: Path, outside: Path, link: str) -> None:
    data, before = tmp_path / "data", all_of(outside)
    planted(data / link, outside)
    found = recover(data)
    assert all_of(outside) == before
    assert (found.clips, found.salvaged) == ([], [])
    catalog = Catalog(data)
    assert catalog.clips() == [] and catalog.broken == {}
    names = [f"{name}/{file}" for name in ("clips", "clips/yard", f"clips/yard/{DAY}") for file in ("a.mp4", "passwd.jpg", "e.json")]
    assert [readable(data, name) for name in names] == [None] * len(names)


@pytest.mark.parametrize("name", ["a.mp4", "b.mp4.part", "b.mp4", "c.mp4.copy", "e.json"])
def test_a_clip_that_is_a_link_is_left_alone(tmp_path: Path, outside: Path, name: str) -> None:
    """A `.part` that leads to another's video would have been copied in here and shown; one that does not play, put aside."""
    data, before = tmp_path / "data", all_of(outside)
    target = {"b.mp4": "a.mp4"}.get(name, name)
    link = planted(data / "clips" / "yard" / DAY / name, outside / target)
    recover(data)
    assert all_of(outside) == before
    assert link.is_symlink() and list(link.parent.iterdir()) == [link] and not (data / "salvage").exists()


def test_a_link_within_the_data_gives_nothing_another_name(tmp_path: Path) -> None:
    """The journal as a picture."""
    (tmp_path / "outbox.sqlite").write_bytes(b"SQLite format 3")
    planted(tmp_path / "events" / DAY / "x.jpg", tmp_path / "outbox.sqlite")
    (tmp_path / "events" / DAY / "real.jpg").write_bytes(b"jpg")
    assert readable(tmp_path, f"events/{DAY}/x.jpg") is None
    assert readable(tmp_path, f"events/{DAY}/real.jpg") == tmp_path / "events" / DAY / "real.jpg"


def test_what_salvage_leads_to_gets_nothing(tmp_path: Path, outside: Path) -> None:
    data, before = tmp_path / "data", all_of(outside)
    planted(data / "salvage", outside)
    part = data / "clips" / "yard" / DAY / "x.mp4.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"does not play")
    assert recover(data).waiting
    assert all_of(outside) == before and part.read_bytes() == b"does not play"


def test_a_whole_box_writes_nothing_through_links_and_stays_up(tmp_path: Path, video: bytes, outside: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(video)
    before = all_of(outside)
    today = datetime.now(timezone.utc)  # a film played as if live has the time of now; it may be midnight meanwhile
    for name in ("clips/yard", *(f"events/{today + timedelta(days=days):%Y-%m-%d}" for days in (0, 1))):
        planted(tmp_path / "data" / name, outside)
    camera = {"use": "file", "path": str(tmp_path / "film.mp4"), "pace": "realtime"}
    box = Box(config(tmp_path, camera, pipeline={"detect": {"bundle": "white"}, "confirm": {"sightings": 1, "max_gap_ms": 300}})).start()
    try:
        box.until(lambda: box.events("end"))
        reason = box.until(lambda: box.health()["parts"].get("pictures", {}).get("reason"))
        assert "a symbolic link, and none is followed" in reason
    finally:
        code = box.stop()
    assert code == 0
    assert all_of(outside) == before
    assert "clips/yard: a symbolic link, and none is followed; remove it" in box.log.read_text()


@pytest.mark.parametrize("name", ["clips", "events", "log", "snapshots", "outbox.sqlite", "commands.json"])
def test_a_link_at_the_top_of_the_data_folder_is_refused_at_the_start(tmp_path: Path, name: str, outside: Path) -> None:
    before = all_of(outside)
    planted(tmp_path / "data" / name, outside)
    camera = {"use": "pattern", "width": 320, "height": 240, "pace": "realtime"}
    ended = run_vedette("run", "--config", str(config(tmp_path, camera)), "--seconds", "2", folder=tmp_path)
    assert ended.returncode == 5 and f"{name} is a symbolic link, and none is followed; remove it" in ended.stderr
    assert all_of(outside) == before
