"""A file system that is really full: each place that writes says so and goes on when there is room; nothing left is in the way."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.eventlog import LogHeader
from contracts.wire import utc_from_ns
from dataset.checkup import CheckUp, Depth
from dataset.native import NativeReader
from device.export.export_options import ExportOptions
from device.export.training import RETRY_S, Training
from device.export.verify import verify_session
from device.films import frames_of
from device.keep.janitor import Janitor
from device.keep.options import StorageOptions
from device.keep.shelves import shelves
from device.keep.troubles import Troubles
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.publish.commands import Memory
from device.publish.eventlog import EventLog
from device.publish.log_lines import read_log
from device.publish.outbox import Outbox
from device.publish.outbox_options import Options as OutboxOptions
from device.publish.stamp import Stamp
from device.record.disk import DataDisk
from device.record.index import Index
from device.record.options import PictureOptions
from device.record.pictures import Pictures
from device.record.take_recover import recover_takes
from tests.clocks import HandClock as WallClock
from tests.device.keep.fakes import read
from tests.device.publish.fakes import event as told
from tests.device.record.fakes import Bench, HandClock, scene
from tests.device.record.footage import at_s, decoded, event, footage, numbers
from tests.device.record.sitting import Sitting
from tests.hostile.power_disk import loop_disk
from vision.types import Detections

LIBC = ctypes.CDLL(None, use_errno=True)
ROOM = 12 << 20
EXACT = pytest.mark.parametrize("disk", ["tmpfs", "ext4"], indirect=True)  # xfs keeps some blocks for itself, and gives more than asked
SMALLEST = {"ext4": 24, "xfs": 320}  # MiB


@dataclass
class SmallDisk:
    """A real file system; the filler has real blocks, for a sparse big file fills nothing."""

    path: Path

    def free(self) -> int:
        disk = os.statvfs(self.path)
        return disk.f_bavail * disk.f_frsize

    def fill(self, leave: int = 0) -> None:
        """To the last byte that is not to be left."""
        with (self.path / "filler").open("ab") as file:
            piece = 1 << 24
            while piece >= 4096:
                if (free := self.free()) - leave < piece and leave:
                    piece //= 2
                    continue
                try:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, min(piece, max(4096, free)))
                except OSError:
                    piece //= 2

    def make_room(self) -> None:
        (self.path / "filler").unlink(missing_ok=True)


@pytest.fixture(params=["tmpfs", "ext4", "xfs"])
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SmallDisk]:
    if request.param != "tmpfs":
        with loop_disk(tmp_path, request.param, SMALLEST[request.param]) as loop:
            small = SmallDisk(loop.path)
            small.fill(leave=ROOM)
            (loop.path / "filler").rename(loop.path / "others")  # so that there is as little room as on the tmpfs
            yield small
        return
    folder = tmp_path / "disk"
    folder.mkdir()
    if LIBC.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"size=12m"):
        pytest.skip(f"no small disk: mounting one is not allowed here ({os.strerror(ctypes.get_errno())}); run as root")
    yield SmallDisk(folder)
    assert LIBC.umount2(os.fsencode(folder), 2) == 0  # MNT_DETACH


def indexed(bench: Bench) -> Index:
    named = DataDisk(bench.data, bench.clock, device="box-1")
    named.begin()
    return Index(bench.data, named, bench.clock)


class Box:
    """A recorder on a bench with index and janitor, as the appliance has them."""

    def __init__(self, disk: SmallDisk, **storage: Any) -> None:
        self.disk = disk
        self.bench = Bench(disk.path)
        data, clock = disk.path, self.bench.clock
        self.index = indexed(self.bench)
        self.index.catch_up()
        self.troubles = Troubles(clock)
        options = StorageOptions.model_validate({"ballast_mb": 1, "free_low": "1500 kB", "free_high": "3 MB", **storage})
        self.janitor = Janitor(
            data, shelves(data, clock, self.troubles.met, clips=self.index), options, clock=clock, board=self.bench.board,
            tally=self.bench.tally, troubles=self.troubles,
        )  # fmt: skip
        self.bench.recorder._finished = self.index.add

    def look_after(self) -> None:
        self.janitor.step()
        self.bench.clock.now_ns += 2_000_000_000

    def part(self, name: str) -> tuple[str, str]:
        part = self.bench.board.parts()[name]
        return part.state, part.reason

    def close(self) -> None:
        self.index.close()


@pytest.fixture
def box(disk: SmallDisk) -> Iterator[Box]:
    made = Box(disk)
    yield made
    made.close()


def clip(number: int) -> list[Any]:
    """A clip of some seconds, and its event."""
    return [
        event("new", str(number), at_s(number * 6 + 1), at_s(number * 6 + 1.2)),
        event("end", str(number), at_s(number * 6 + 1), at_s(number * 6 + 3)),
    ]


@EXACT
def test_the_janitor_keeps_a_full_disk_recording_by_giving_up_the_oldest_clips(disk: SmallDisk) -> None:
    """Clips come for longer than there is room: the newest are there, each is whole, each loss is in the log."""
    disk.fill(leave=2_600_000)
    box = Box(disk, ballast_mb=0, free_low="600 kB", free_high="800 kB")
    packets = footage("mjpeg", frames=1500)
    for number in range(10):
        box.bench.play(packets[number * 150 : (number + 1) * 150], clip(number))
        box.look_after()
        assert disk.free() > 600_000, "room is made before it is needed"
    clips = box.bench.stop()
    assert [each.state for each in clips] == ["complete"] * 10
    videos = box.bench.videos()
    assert all(len(numbers(decoded(video))) > 60 for video in videos)
    removed = [removal.item for removal in read(disk.path) if removal.outcome == "removed"]
    there = [video.relative_to(disk.path).as_posix() for video in videos]
    assert len(removed) > 2 and removed == sorted(removed) and sorted(there + removed) == sorted({*there, *removed})
    assert len(there) + len(removed) == 10 and max(removed) < min(there), "the oldest went"
    box.close()


def test_recording_stops_with_a_name_and_comes_back_when_the_janitor_has_made_room(disk: SmallDisk) -> None:
    box = Box(disk, ballast_mb=0, free_low="400 kB", free_high="450 kB")
    packets = footage("mjpeg", frames=900)
    for number in range(3):
        box.bench.play(packets[number * 150 : (number + 1) * 150], clip(number))
    disk.fill()  # by others, all at once
    box.bench.play(packets[450:600], clip(3))
    state, reason = box.part("record")
    assert state == "degraded" and "the disk is full" in reason
    box.look_after()
    gone = [removal.item for removal in read(disk.path)]
    assert disk.free() > 400_000 and 2 <= len(gone) <= 3 and gone == sorted(gone)
    box.bench.play(packets[600:750], clip(4))
    assert box.part("record") == ("ok", "")
    clips = box.bench.stop()
    assert clips[-1].state == "complete" and box.bench.others() == []
    box.close()


@EXACT
def test_ballast_is_given_up_first_and_taken_again(box: Box) -> None:
    box.look_after()
    ballast = box.disk.path / ".ballast"
    assert ballast.stat().st_size == 1_000_000
    box.disk.fill()
    assert box.disk.free() == 0
    box.look_after()
    assert not ballast.exists() and box.disk.free() >= 1_000_000 - 8192
    assert box.janitor.report().state == "others" and "are not recordings" in box.part("storage")[1]
    box.disk.make_room()
    box.bench.clock.now_ns += 60_000_000_000
    box.look_after()
    box.look_after()
    assert ballast.stat().st_size == 1_000_000 and box.part("storage") == ("ok", "")


def test_pinned_clips_stay_on_a_full_disk_and_it_says_so(box: Box) -> None:
    packets = footage("mjpeg", frames=300)
    box.bench.play(packets[:150], clip(0))
    box.bench.play(packets[150:], clip(1))
    (first, *_) = box.bench.stop()
    for each in box.bench.clips:
        assert box.index.pin(each.id, True) == 1
    before = {video: video.stat().st_size for video in box.bench.videos()}
    box.disk.fill()
    for _ in range(5):
        box.look_after()
    assert {video: video.stat().st_size for video in box.bench.videos()} == before and first.frames > 0
    assert box.part("storage")[0] in {"degraded", "failed"}


@EXACT
def test_the_log_of_removals_is_written_by_the_room_that_the_ballast_leaves(disk: SmallDisk) -> None:
    box = Box(disk, free_low="1200 kB", free_high="1300 kB")
    packets = footage("mjpeg", frames=450)
    for number in range(3):
        box.bench.play(packets[number * 150 : (number + 1) * 150], clip(number))
    box.bench.stop()
    box.look_after()
    disk.fill()
    box.look_after()
    removals = read(disk.path)
    assert [removal.item for removal in removals] == sorted(removal.item for removal in removals) and len(removals) == 2
    assert all(900_000 < (removal.figures.free_bytes or 0) <= 1_010_000 for removal in removals), "written before anything went"
    assert len(box.bench.videos()) == 1 and disk.free() > 1_200_000
    assert box.troubles.now() == []
    box.close()


# ---- each place that writes


def test_a_manifest_that_finds_no_room_leaves_a_clip_that_is_closed_later(disk: SmallDisk) -> None:
    bench = Bench(disk.path)
    packets = footage("h264", frames=300)
    bench.play(packets[:100], [event("new", "a", at_s(1), at_s(1.2))])
    disk.fill()
    bench.play(packets[100:150], [event("end", "a", at_s(1), at_s(4))])
    assert bench.board.parts()["record"].state == "degraded"
    disk.make_room()
    bench.play(packets[150:], [event("new", "b", at_s(8), at_s(8.2)), event("end", "b", at_s(8), at_s(10))])
    bench.stop()
    assert bench.board.parts()["record"].state == "ok" and bench.others() == []
    assert all(video.with_suffix(".json").exists() for video in bench.videos()) and len(bench.videos()) == 2


def test_the_index_goes_on_when_there_is_room(disk: SmallDisk) -> None:
    bench = Bench(disk.path)
    index = indexed(bench)
    index.catch_up()
    bench.play(footage("h264", frames=150), clip(0))
    (kept,) = bench.stop()
    disk.fill()
    video = bench.videos()[0].relative_to(disk.path).as_posix()
    for _ in range(3):
        index.add(kept, video)
    settled = index.settle()
    disk.make_room()
    assert index.settle() and (settled or index.oldest(5))
    assert [entry.video for entry in index.oldest(5)] == [video]
    index.close()


@EXACT
def test_the_index_removes_clips_on_a_disk_without_a_byte_left(disk: SmallDisk) -> None:
    bench = Bench(disk.path)
    index = indexed(bench)
    bench.play(footage("mjpeg", frames=150), clip(0))
    bench.stop()
    index.catch_up()
    disk.fill()
    assert disk.free() == 0
    assert index.remove(bench.clips[0].id, "watermark") > 100_000
    assert disk.free() > 100_000 and index.oldest(5) == [] and not bench.videos()
    index.close()


def test_a_picture_is_counted_as_lost_and_the_next_one_is_written(disk: SmallDisk) -> None:
    bench = Bench(disk.path)
    pictures = Pictures(disk.path, PictureOptions(), clock=bench.clock, tally=bench.tally, board=bench.board)

    def look(name: str, seconds: float) -> None:
        box = (100.0, 100.0, 300.0, 300.0)
        told = event("new", name, at_s(seconds), at_s(seconds), box=box, frame_size=(640, 480))
        pictures.look(scene("left", at_s(seconds), told, planes=Still(), detections=Detections.none()))

    disk.fill()
    look("a", 1)
    assert bench.board.parts()["pictures"].state == "degraded" and "the disk is full" in bench.board.parts()["pictures"].reason
    assert bench.tally.get("left", "not_kept", "picture_failed") == 1
    assert [path for path in disk.path.rglob("*") if path.is_file() and path.name not in {"filler", "others"}] == []
    disk.make_room()
    look("b", 2)
    assert bench.board.parts()["pictures"].state == "ok" and len(list(disk.path.rglob("*.jpg"))) == 1


class Still:
    width, height = 640, 480

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed

    def bgr(self) -> Any:
        return np.random.default_rng(self._seed).integers(0, 255, (480, 640, 3)).astype(np.uint8)


def test_the_data_set_takes_nothing_half_and_goes_on_when_there_is_room(disk: SmallDisk) -> None:
    clock, board, tally = HandClock(), Board(), Tally()
    options = ExportOptions(enabled=True, batch_size=1, events=("first",), max_share=None)
    training = Training(disk.path, options, clock=clock, tally=tally, board=board, identities={})

    def look(name: str, seconds: float) -> None:
        clock.now_ns = at_s(seconds)
        told = event("new", name, at_s(seconds), at_s(seconds), box=(100.0, 100.0, 300.0, 300.0), frame_size=(640, 480))
        training.look(scene("left", at_s(seconds), told, planes=Still(seed=round(seconds)), detections=Detections.none()))

    look("a", 1)
    disk.fill()
    look("b", 2)
    part = board.parts()["export"]
    assert part.state == "degraded" and "the disk is full" in part.reason and tally.get("left", "not_kept", "export_failed") == 1
    disk.make_room()
    look("c", 3 + RETRY_S)
    assert board.parts()["export"].state == "ok"
    training.close()
    training.run(lambda: None)
    with closing(NativeReader(disk.path / "dataset")) as reader:
        assert CheckUp(reader, Depth(decode=True)).run(lambda _done: None).clean
        assert len(list((disk.path / "dataset" / "images").iterdir())) == 2
    assert list((disk.path / "dataset" / "incoming").iterdir()) == []


def test_takes_stop_with_a_name_and_the_next_one_is_kept_when_there_is_room(disk: SmallDisk) -> None:
    sitting = Sitting(disk.path)

    def as_it_goes(camera: str, picture: int) -> bool:
        if camera == "left" and picture == 30:
            disk.fill()
        if camera == "left" and picture == 90:
            assert sitting.board.parts()["takes"].state == "degraded" and "the disk is full" in sitting.board.parts()["takes"].reason
            disk.make_room()
        return False

    sitting.play(((40, 55), (120, 140)), 180, missing=as_it_goes).stop()
    assert sitting.board.parts()["takes"].state == "ok" and len(sitting.folders) == 1
    again = recover_takes(sitting.recordings, sitting.finisher.make)  # and what was left of the first is in nobody's way
    assert again.waiting == [] and list(sitting.recordings.rglob("*.part")) == []
    wrong = [each for each in verify_session(sitting.session, frames_of) if each.level == "error"]
    assert [each for each in wrong if "clips of camera" not in each.text] == []


def test_the_files_of_a_take_are_made_when_there_is_room(disk: SmallDisk) -> None:
    sitting = Sitting(disk.path).play(((40, 60),), 100)
    for ring in sitting.rings.values():
        ring.close()
    sitting.takes.close()
    sitting.takes.run(lambda: None)
    (folder,) = sitting.folders
    disk.fill()
    sitting.finisher.make(folder)
    part = sitting.board.parts()["take_files"]
    assert part.state == "degraded" and "the disk is full" in part.reason and not (folder / "manifest.json").exists()
    disk.make_room()
    sitting.finisher.make(folder)  # the next take comes
    assert sitting.board.parts()["take_files"].state == "ok" and (folder / "manifest.json").exists()
    assert [each for each in verify_session(sitting.session, frames_of) if each.level == "error"] == []


def test_the_outbox_keeps_events_in_memory_and_writes_them_when_there_is_room(disk: SmallDisk) -> None:
    clock, board, tally = WallClock(), Board(), Tally()
    outbox = Outbox(disk.path / "outbox.sqlite", Stamp(clock, "street", boot="b"), board, tally, options=OutboxOptions(), delivers=True)
    for number in range(50):
        outbox.add(told(number), clock.mono)
    outbox.commit()
    disk.fill()
    for number in range(50, 4000):
        outbox.add(told(number), clock.mono)
        if number % 100 == 0:
            clock.advance(1)
            outbox.commit()
    assert board.parts()["outbox"].state != "ok" and outbox.health().unsaved > 0
    disk.make_room()
    clock.advance(60)
    outbox.commit()
    health = outbox.health()
    assert (health.unsaved, health.depth, health.last_seq, health.shed) == (0, 4000, 4000, 0)
    assert board.parts()["outbox"].state == "ok"
    outbox.close()


def test_the_event_log_tears_no_line(disk: SmallDisk) -> None:
    clock, board = WallClock(), Board()
    header = LogHeader(device="d", profile="street", processed_at=utc_from_ns(clock.wall))
    log = EventLog(disk.path / "log/events.jsonl", header, clock, board=board, tally=Tally())
    log.add(told(0), 0)
    disk.fill()
    for number in range(1, 200):
        clock.advance(1)
        log.add(told(number), 0)
        log.commit()
    assert board.parts()["event_log"].state == "failed"
    _, lines = read_log(disk.path / "log/events.jsonl")
    before = len(list(lines))
    disk.make_room()
    clock.advance(2)
    log.commit()
    _, lines = read_log(disk.path / "log/events.jsonl")
    assert before < 200 == len(list(lines)) and board.parts()["event_log"].state == "ok"
    log.finish()


def test_commands_are_remembered_again_when_there_is_room(disk: SmallDisk) -> None:
    memory = Memory(disk.path / "commands.json")
    memory.remember("first", None)
    disk.fill()
    memory.remember("second", None)
    assert memory.begun("second") and Memory(disk.path / "commands.json").begun("first")
    assert [path.name for path in disk.path.iterdir() if path.name.startswith("commands")] == ["commands.json"]
    disk.make_room()
    memory.remember("third", None)
    again = Memory(disk.path / "commands.json")
    assert again.begun("second") and again.begun("third")


def test_out_of_inodes_is_a_full_disk_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    if LIBC.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"size=12m,nr_inodes=200"):
        pytest.skip(f"no small disk: mounting one is not allowed here ({os.strerror(ctypes.get_errno())}); run as root")
    box = Box(SmallDisk(folder), inodes_low="20%", inodes_high="30%")
    try:
        (folder / "snapshots").mkdir()
        with pytest.raises(OSError, match="No space"):
            for number in range(200):
                (folder / f"snapshots/{number:04d}.jpg").write_bytes(b"x")
        for _ in range(3):
            box.look_after()
        box.bench.clock.now_ns += 130_000_000_000
        box.look_after()
        left = sorted(path.name for path in (folder / "snapshots").iterdir())
        assert 100 < len(left) < 150 and left[0] > "0040"
        assert os.statvfs(folder).f_favail >= 40 and box.part("storage") == ("ok", "")
    finally:
        box.close()
        assert LIBC.umount2(os.fsencode(folder), 2) == 0


def test_the_janitor_in_its_own_thread_has_a_stopped_recording_going_within_seconds(disk: SmallDisk) -> None:
    box = Box(disk, look_s=0.1)
    box.bench.recorder._mending._refused = box.janitor.short_of_room
    packets = footage("mjpeg", frames=450)
    box.bench.play(packets[:150], clip(0))
    box.look_after()
    disk.fill()
    rounds = threading.Semaphore(0)
    worker = threading.Thread(target=box.janitor.run, args=(rounds.release,))
    box.bench.play(packets[150:300], clip(1))
    assert box.part("record")[0] == "degraded"
    worker.start()
    while disk.free() < 500_000:
        assert rounds.acquire(timeout=20)
    box.bench.play(packets[300:], clip(2))
    box.janitor.close()
    worker.join(20)
    assert box.part("record") == ("ok", "")
    box.bench.stop()
    box.close()
