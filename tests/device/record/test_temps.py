"""What a cut left half written goes at the next start, and nothing else does."""

from __future__ import annotations

from pathlib import Path

from device.record.recover import recover
from device.record.temps import DAYS, sweep


def planted(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    return path


def test_small_files_that_were_being_written_go_and_what_is_whole_stays(tmp_path: Path) -> None:
    left = [planted(tmp_path / name) for name in (".disk.json.tmp", "log/.x.tmp", "snapshots/.a.jpg.tmp", "events/2026-01-02/.b.jpg.tmp")]
    kept = [planted(tmp_path / name) for name in ("disk.json", "events/2026-01-02/b.jpg", "events/2026-01-02/b.tmp", ".ballast")]
    (tmp_path / ".link.tmp").symlink_to(kept[0])
    assert sweep(tmp_path) == len(left)
    assert not any(path.exists() for path in left) and all(path.exists() for path in kept)
    assert (tmp_path / ".link.tmp").is_symlink()
    assert sweep(tmp_path) == 0


def test_only_the_newest_days_of_pictures_are_looked_through(tmp_path: Path) -> None:
    days = [planted(tmp_path / "events" / f"2026-01-{day:02d}" / ".x.jpg.tmp") for day in range(1, 9)]
    sweep(tmp_path)
    assert [path.exists() for path in days] == [True] * (8 - DAYS) + [False] * DAYS


def test_an_empty_box_has_nothing_to_sweep(tmp_path: Path) -> None:
    assert sweep(tmp_path / "nowhere") == 0


def test_a_manifest_that_was_being_written_goes_when_clips_are_recovered(tmp_path: Path) -> None:
    temp = planted(tmp_path / "clips" / "yard" / "2026-01-02" / ".080000.000Z-00000000.json.tmp")
    assert recover(tmp_path).waiting == []
    assert not temp.exists()
