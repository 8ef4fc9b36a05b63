"""A recording in this process: what is told while it plays, what comes of it, and what a failing disk leaves."""

from __future__ import annotations

import ctypes
import json
import os
from pathlib import Path

import pytest

from contracts.errors import HardwareError, StorageError, VedetteError
from contracts.event import Event
from device.capture.file import FileSource
from device.clock import SystemClock
from device.config import Loaded
from device.replaying import PLAYING, WHOLE, alone_in, replay
from tests.device.test_probes import box
from tests.scenarios.stage import film

LIBC = ctypes.CDLL(None, use_errno=True)
CLOCK = SystemClock()


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film") / "visit.mkv", ((1.0, 5.0),), 6.0)


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    return box(tmp_path)


def source(path: Path) -> FileSource:
    return FileSource("file", FileSource.Options(path=path), CLOCK)


def test_events_and_progress_are_told_while_it_plays(loaded: Loaded, visit: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    progress: list[float] = []
    done = replay(loaded, source(visit), tmp_path / "out", CLOCK, on_progress=progress.append, on_event=events.append)
    lines = [json.loads(line) for line in done.log.read_text().splitlines()]
    assert done.log == tmp_path / "out" / WHOLE and not (tmp_path / "out" / PLAYING).exists()
    assert [event.model_dump(mode="json")["id"] for event in events] == [line["id"] for line in lines[1:]]
    assert (done.events, done.offered, done.dropped, done.holes) == (1, 60, 0, ())
    assert done.offered == done.analysed + done.gated
    assert progress == sorted(progress) and progress[-1] == done.media_s > 5
    assert "detect" in done.stages and "capture_to_result" not in done.stages


def test_a_file_that_cannot_be_read_leaves_no_log_and_nothing_locked(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "noise.mkv").write_bytes(os.urandom(4096))
    with pytest.raises(HardwareError):
        replay(loaded, source(tmp_path / "noise.mkv"), tmp_path / "out", CLOCK)
    assert not (tmp_path / "out" / WHOLE).exists()
    with alone_in(tmp_path / "out"):
        pass


def test_a_disk_that_takes_no_log_is_an_error_and_not_a_log_with_holes(loaded: Loaded, visit: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if LIBC.mount(b"tmpfs", os.fsencode(disk), b"tmpfs", 0, b"size=8k"):
        pytest.skip("mounting a small disk is not allowed here; run as root")
    try:
        (disk / "filler").write_bytes(b"x" * 8192)
        with pytest.raises(VedetteError) as refused:
            replay(loaded, source(visit), disk, CLOCK)
        assert isinstance(refused.value, StorageError) and "make room on that disk" in str(refused.value)
        assert not (disk / WHOLE).exists()
    finally:
        LIBC.umount2(os.fsencode(disk), 2)
