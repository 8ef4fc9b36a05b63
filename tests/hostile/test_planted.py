"""What another service, or whoever had the disk in hands, left in the data folder: it stops nothing, hangs nothing and fills no memory."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from contracts.errors import StorageError
from contracts.session import SessionManifest
from contracts.wire import utc_from_ns
from device.keep.removals import RemovalLog
from device.keep.sessions import SessionShelf
from device.pipeline.take_log import NAME
from device.pipeline.tally import Tally
from device.rates import Rates
from device.record import take_recover
from device.record.album import Album
from device.record.catalog import Catalog
from device.record.disk import DataDisk
from device.record.layout import manifest_of
from device.record.manifests import Manifests
from device.record.recover import recover
from device.record.session import new_folder
from device.record.take_recover import recover_takes
from device.web import removals
from tests.device.keep.test_removals import line
from tests.device.record.fakes import HandClock
from tests.device.record.stored import NOON, make, path_of, rel

ID = "session-2026-11-20_001"


class Told:
    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def __call__(self, doing: str, error: Exception) -> None:
        self.errors.append(error)


def sat(data: Path, start: str = "2026-11-20T10:00:00Z") -> Path:
    """A session that is over, with nothing in it."""
    folder = data / "recordings" / ID
    folder.mkdir(parents=True)
    (folder / "video.mp4").write_bytes(bytes(100))
    said = {"session_id": ID, "kind": "pitch", "state": "complete", "start": start, "end": start, "cameras": ["left"], "calibrated": "none"}
    (folder / "manifest.json").write_text(json.dumps(said))
    SessionManifest.model_validate_json(json.dumps(said))
    return folder


def shelf(data: Path, told: Told | None = None) -> SessionShelf:
    return SessionShelf(data, "recordings", told or Told())


def nested(folder: Path, depth: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("a", dir_fd=handle)
        inner = os.open("a", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)


def unnested(folder: Path) -> None:
    """What pytest itself could not clear."""
    while (folder / "a").is_dir():
        inner = folder / "a"
        inner.rename(folder.with_name("inner"))
        folder.rmdir()
        folder.with_name("inner").rename(folder)


@pytest.mark.parametrize("start", ["9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z"])
def test_a_session_of_the_last_or_first_instant_there_is_has_a_time_that_can_be_told(tmp_path: Path, start: str) -> None:
    sat(tmp_path, start)
    oldest = shelf(tmp_path).totals().oldest_wall_ns
    assert oldest is not None and utc_from_ns(oldest).isoformat().startswith(start[:10])


def test_folders_in_one_another_without_end_are_told_and_end_no_worker(tmp_path: Path) -> None:
    going = tmp_path / "recordings" / f".going-{ID}"
    nested(going, 1500)
    told = Told()
    try:
        assert shelf(tmp_path, told).totals().count == 0
        (error,) = told.errors
        assert isinstance(error, OSError) and "by hand" in str(error)
    finally:
        unnested(going)


def test_a_session_that_was_pinned_after_it_was_chosen_stays(tmp_path: Path) -> None:
    folder = sat(tmp_path)
    kept = shelf(tmp_path)
    chosen = next(kept.items("oldest"))
    assert Album(tmp_path / "recordings", HandClock()).pin(ID, True)
    with pytest.raises(StorageError, match="pinned"):
        kept.remove(chosen, "budget")
    assert (folder / "video.mp4").exists()


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    clock, clip = HandClock(), make(tmp_path, "a")
    manifest = manifest_of(path_of(tmp_path, clip))
    session = tmp_path / "recordings" / ID
    session.mkdir(parents=True)
    (tmp_path / "log").mkdir()
    manifest.unlink()
    for path in (manifest, session / "manifest.json", tmp_path / "log" / "removals.jsonl", tmp_path / "storage.json"):
        os.mkfifo(path)
    disk = DataDisk(tmp_path, clock, device="box-1")
    disk.begin()  # asks the clips whose they are
    assert RemovalLog(tmp_path / "log" / "removals.jsonl", 1000, 3, Tally()).last(5) == []
    assert Rates(tmp_path / "storage.json", clock).per_day("clips") is None
    assert Album(tmp_path / "recordings", clock).sessions(5) == []
    assert Catalog(tmp_path).clips(5) == []
    (tmp_path / "disk.json").unlink()
    os.mkfifo(tmp_path / "disk.json")
    assert "not a plain file" in disk.fault()


@pytest.mark.parametrize("name", ["120000.000_x.mp4.part", "120000.000_x.mp4", "120000.000_x.mkv"])
def test_a_pipe_among_the_clips_does_not_keep_the_box_from_starting(tmp_path: Path, name: str) -> None:
    day = tmp_path / "clips" / "left" / "2026-11-22"
    day.mkdir(parents=True)
    os.mkfifo(day / name)
    found = recover(tmp_path)
    assert (found.clips, found.salvaged) == ([], [])


def test_a_pipe_in_the_place_of_a_takes_log_does_not_either(tmp_path: Path) -> None:
    take = sat(tmp_path) / f"{ID}-pitch-001"
    take.mkdir()
    os.mkfifo(take / NAME)
    found = recover_takes(tmp_path / "recordings", lambda _: None)
    assert "not a plain file" in found.waiting[0]


@pytest.mark.parametrize("size", ["1e999", "1" + "0" * 400, "-1"])
def test_a_forecast_that_was_tampered_with_begins_again(tmp_path: Path, size: str) -> None:
    (tmp_path / "storage.json").write_text(f'{{"format": 1, "hours": [[3600, {{"clips": {size}}}]]}}')
    assert Rates(tmp_path / "storage.json", HandClock()).per_day("clips") is None


def test_large_manifests_are_read_and_not_remembered(tmp_path: Path) -> None:
    clip = make(tmp_path, "a")
    manifest = manifest_of(path_of(tmp_path, clip))
    kept = Manifests(tmp_path), Catalog(tmp_path)
    manifest.write_text(manifest.read_text().rstrip() + " " * 100_000)
    assert kept[0].read(rel(tmp_path, clip)) and kept[1].clips(1)
    assert not kept[0]._known and not kept[1]._known


@pytest.mark.parametrize("key", ["start_pts_ns", "end_pts_ns", "origin_pts_ns", "bytes", "segment", "frames"])
def test_a_manifest_of_numbers_beyond_all_use_is_a_broken_one_and_no_page_stumbles_over_it(tmp_path: Path, key: str) -> None:
    clip = make(tmp_path, "a")
    manifest = manifest_of(path_of(tmp_path, clip))
    said = {**json.loads(manifest.read_text()), key: 10**400}
    manifest.write_text(json.dumps(said))
    manifests = Manifests(tmp_path)
    assert manifests.read(rel(tmp_path, clip)) is None
    assert len(manifests.broken) == 1


def test_a_removal_of_more_bytes_than_there_are_is_a_line_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    said = json.loads(line(1).model_dump_json())
    (tmp_path / "log" / "removals.jsonl").write_text(json.dumps({**said, "bytes": 10**400}) + "\n" + json.dumps(said) + "\n")
    found = removals.page(tmp_path, 10)
    assert (len(found.removals), found.unreadable) == (1, 1)


def test_a_session_of_a_number_beyond_all_numbers_leaves_room_for_the_next(tmp_path: Path) -> None:
    for number in ("999999", "99999999999999"):
        (tmp_path / f"session-2026-11-22_{number}").mkdir()
    assert new_folder(tmp_path, NOON).name == "session-2026-11-22_001"


def test_a_session_into_which_we_may_not_look_does_not_stop_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = sat(tmp_path)

    def refused(_folder: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    (folder / "manifest.json").unlink()
    monkeypatch.setattr(take_recover, "_never_was", refused)
    found = recover_takes(tmp_path / "recordings", lambda _: None)
    assert "Permission denied" in found.waiting[0]
