import ctypes
import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from device.record.clipfile import ClipFile
from device.record.recover import recover
from tests.device.record.fakes import Bench
from tests.device.record.footage import at_s, decoded, event, footage, numbers

LIBC = ctypes.CDLL(None, use_errno=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if LIBC.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"size=2m"):
        pytest.skip(f"no small disk: mounting one is not allowed here ({os.strerror(ctypes.get_errno())}); run as root")
    yield folder
    assert LIBC.umount2(os.fsencode(folder), 2) == 0  # MNT_DETACH


def fill(folder: Path, leave_bytes: int) -> Path:
    disk = os.statvfs(folder)
    filler = folder / "filler"
    filler.write_bytes(bytes(max(0, disk.f_bavail * disk.f_frsize - leave_bytes)))
    return filler


def test_on_a_full_disk_recording_stops_with_a_name_and_comes_back_when_there_is_room(small_disk: Path) -> None:
    bench = Bench(small_disk)
    filler = fill(small_disk, 200_000)
    packets = footage("mjpeg", frames=400)
    bench.play(packets[:200], [event("new", "a", at_s(1), at_s(1.2)), event("end", "a", at_s(1), at_s(6))])
    part = bench.board.parts()["record"]
    assert part.state == "degraded" and "the disk is full; free some room" in part.reason
    assert bench.tally.get("left", "not_kept", "clip_failed") == 1

    filler.unlink()
    bench.play(packets[200:], [event("new", "b", at_s(10), at_s(10.2)), event("end", "b", at_s(10), at_s(11))])
    bench.stop()
    assert bench.board.parts()["record"].state == "ok"
    assert bench.others() == []
    clips = [numbers(decoded(video)) for video in bench.videos()]
    assert clips[-1] == list(range(225, 300))
    assert 10 < len(clips[0]) < 150 and clips[0] == list(range(len(clips[0])))  # what fitted is kept and plays


def test_with_not_a_byte_left_no_half_file_is_in_the_way(small_disk: Path) -> None:
    bench = Bench(small_disk)
    filler = fill(small_disk, 0)
    packets = footage("h264", frames=300)
    bench.play(packets[:150], [event("new", "a", at_s(1), at_s(1.2)), event("end", "a", at_s(1), at_s(3))])
    assert bench.board.parts()["record"].state == "degraded"
    filler.unlink()
    bench.play(packets[150:], [event("new", "a", at_s(8), at_s(8.2)), event("end", "a", at_s(8), at_s(9))])
    bench.stop()
    assert numbers(decoded(bench.videos()[-1])) == list(range(175, 250))
    assert bench.others() == []
    assert recover(small_disk).clips == []


def test_a_reserve_is_left_to_events_and_the_clip_so_far_is_whole(small_disk: Path) -> None:
    bench = Bench(small_disk, reserve_mb=1)
    fill(small_disk, 1_300_000)
    packets = footage("mjpeg", frames=400)
    bench.play(packets, [event("new", "a", at_s(1), at_s(1.2)), event("end", "a", at_s(1), at_s(14))])
    (clip,) = bench.stop()
    assert (clip.state, clip.reason) == ("complete", "failed")
    assert numbers(decoded(bench.videos()[0])) == list(range(clip.frames))
    disk = os.statvfs(small_disk)
    assert 700_000 < disk.f_bavail * disk.f_frsize < 1_100_000
    assert "record.reserve_mb" in bench.board.parts()["record"].reason or "disk is full" in bench.board.parts()["record"].reason


def test_a_disk_that_breaks_is_failed_and_the_other_camera_is_tried_on_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, cameras=("left", "right"))
    sync = os.fdatasync

    def broken(handle: int) -> None:
        if "left" in Path(f"/proc/self/fd/{handle}").readlink().parts:
            raise OSError(errno.EIO, "Input/output error")
        sync(handle)

    monkeypatch.setattr(os, "fdatasync", broken)
    right = tuple(replace(p, stream=replace(p.stream, camera="right")) for p in footage())
    both = [packet for pair in zip(footage(), right, strict=True) for packet in pair]
    told = [event(life, name, at_s(2), at_s(t), camera=name) for name in ("left", "right") for life, t in (("new", 2.2), ("end", 3))]
    seen = []
    for packet in both:
        due = [e for e in told if e.pts_ns <= packet.pts_ns and e.camera == packet.camera]
        told = [e for e in told if e not in due]
        bench.play([packet], due)
        seen += [(part.state, part.reason) for part in bench.board.parts().values()]
    bench.stop()
    assert any(state == "failed" and "the disk has a fault" in reason for state, reason in seen)
    assert [numbers(decoded(video)) for video in bench.videos() if video.parts[-3] == "right"] == [list(range(25, 100))]
    assert bench.others() == []


def test_after_a_refused_write_a_file_is_never_written_to_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = ClipFile(tmp_path / "x.part")
    file.write(b"abc")
    write = os.write

    def full(handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        file.write(b"def")
    monkeypatch.setattr(os, "write", write)
    file.write(b"ghi")
    file.close()
    assert (tmp_path / "x.part").read_bytes() == b"abc"
    assert "the disk is full" in str(file.refusal())
