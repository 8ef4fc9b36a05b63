"""The file of a clip under a power cut: of what was not synced any part may be on the disk, and in any order."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import StorageError
from device.pipeline.mux import Muxer
from device.record.clipfile import ClipFile
from device.record.closing import close_part
from device.record.recover import holds_nothing, probed, recover
from tests.device.record.footage import decoded, footage


class Cut:
    """Remembers what the disk is sure to have, and what came since; `worst` is every file that a cut now may leave."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sure, self.since = bytearray(), list[tuple[int, bytes]]()
        self.left: list[bytes] = []
        self._write, self._sync, self._seek = os.write, os.fdatasync, os.lseek
        monkeypatch.setattr("device.record.clipfile.os.write", self.write)
        monkeypatch.setattr("device.record.clipfile.os.fdatasync", self.sync)

    def write(self, handle: int, data: Any) -> int:
        at = self._seek(handle, 0, os.SEEK_CUR)
        done = self._write(handle, data)
        self.since.append((at, bytes(data[:done])))
        self.left += [self.with_all(), self.without_the_growth()]
        return done

    def sync(self, handle: int) -> None:
        self._sync(handle)
        self.sure, self.since = bytearray(self.with_all()), []

    def with_all(self) -> bytes:
        return bytes(self._applied(self.since))

    def without_the_growth(self) -> bytes:
        """Blocks that were there are changed in place; the new length is in the journal, which was not committed."""
        return bytes(self._applied(self.since)[: len(self.sure)])

    def _applied(self, writes: list[tuple[int, bytes]]) -> bytearray:
        found = bytearray(self.sure)
        for at, data in writes:
            found[len(found) : at] = bytes(max(0, at - len(found)))
            found[at : at + len(data)] = data
        return found


@pytest.mark.parametrize("codec", ["h264", "mjpeg"])
def test_a_cut_while_a_clip_is_closed_never_costs_what_was_safe(codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packets = footage(codec, frames=60)
    with monkeypatch.context() as patch:
        cut = Cut(patch)
        file = ClipFile(tmp_path / "clip.part")
        muxer = Muxer(file, packets[0])
        for packet in packets:
            muxer.write(packet)
            file.sync()
        safe = len(cut.sure)
        cut.left.clear()
        muxer.close()
        file.close()
    left = tmp_path / "left"
    left.write_bytes(cut.sure[:safe])
    before = probed(left)
    assert before and before.frames > 40 and len(cut.left) > 3
    for number, data in enumerate(cut.left):
        left.write_bytes(data)
        found = probed(left)
        assert found and found.frames >= before.frames, f"cut {number} of {len(cut.left)}"


def test_a_folder_that_cannot_be_synced_leaves_no_handle_and_no_empty_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    before = len(list(Path("/proc/self/fd").iterdir()))
    with monkeypatch.context() as patch:
        patch.setattr("device.record.clipfile.sync_folder", refuse)
        for _ in range(3):
            with pytest.raises(StorageError, match="has a fault"):
                ClipFile(tmp_path / "clip.part")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_is_only_renamed_is_on_the_disk_before_its_name_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part, video = tmp_path / "clip.mp4.part", tmp_path / "clip.mp4"
    part.write_bytes(b"nothing that could be written anew")
    synced, fsync, inode = [], os.fsync, part.stat().st_ino

    def note(handle: int) -> None:
        synced.append((os.fstat(handle).st_ino, part.exists()))
        fsync(handle)

    monkeypatch.setattr("os.fsync", note)
    close_part(part, video, 1, "")
    assert video.exists() and not part.exists()
    assert (inode, True) in synced


def test_a_clip_of_which_only_the_beginning_was_written_is_nothing_to_keep(tmp_path: Path) -> None:
    packets = footage("h264", frames=60)
    part = tmp_path / "clips" / "yard" / "2026-01-02" / "080000.000Z-00000000.mp4.part"
    part.parent.mkdir(parents=True)
    for size in (0, 50, 88):
        file = ClipFile(part)
        muxer = Muxer(file, packets[0])
        muxer.write(packets[0])
        file.sync()
        head = part.read_bytes()
        assert 0 < len(head) < 200
        file.give_up()
        muxer.close()
        file.close()
        part.write_bytes(head[:size])
        assert holds_nothing(part)
        found = recover(tmp_path)
        assert (found.clips, found.salvaged, found.waiting) == ([], [], []) and not part.exists()


@pytest.mark.parametrize("data", [b"no video", b"\0\0\0\x10moof" + bytes(8), b"\0\0\0\0free", b"x", bytes(5000)])
def test_whatever_else_is_short_is_not_nothing(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.mp4.part"
    path.write_bytes(data)
    assert not holds_nothing(path)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_pages_that_did_not_reach_the_disk_are_no_pictures(codec: str, tmp_path: Path) -> None:
    """The length is there and the content is not: what is kept can be decoded, picture by picture."""
    packets = footage(codec, frames=60)
    part = tmp_path / "clips" / "yard" / "2026-01-02" / "080000.000Z-00000000.mp4.part"
    part.parent.mkdir(parents=True)
    file = ClipFile(part)
    muxer = Muxer(file, packets[0])
    for packet in packets[:50]:
        muxer.write(packet)
        file.sync()
    whole = part.read_bytes()
    file.give_up()
    muxer.close()
    file.close()
    moofs = [at for at in range(len(whole)) if whole[at : at + 4] == b"mdat"]
    for at in (moofs[-1] + 4, moofs[-1] + 700, moofs[1] + 300):
        part.write_bytes(whole[:at] + bytes(len(whole) - at))
        (clip,) = recover(tmp_path).clips
        video = part.with_suffix("")
        pictures = decoded(video)
        assert clip.frames - 1 <= len(pictures) <= clip.frames < 50
        for path in part.parent.iterdir():
            path.unlink()
