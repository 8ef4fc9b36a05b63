import errno
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from contracts.clip import Clip
from device.record.layout import manifest_of
from device.record.recover import recover
from tests.device.record.fakes import Bench
from tests.device.record.footage import at_s, decoded, event, event_id, footage, numbers

ROOT = Path(__file__).resolve().parents[3]


def child(data: Path, codec: str = "h264") -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.device.record.child", str(data), codec]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def killed_at(data: Path, packets: int, codec: str) -> int:
    """Let a recorder have so many packets, then kill it with no chance to say goodbye; how many it had had."""
    given = 0
    with child(data, codec) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line[0].isdigit():
                given = int(line)
            if given >= packets:
                process.send_signal(signal.SIGKILL)
                break
        rest = process.stdout.read().split()  # what it still got done before the signal came
        process.wait(30)
    assert process.returncode == -signal.SIGKILL
    return max([given, *(int(word) for word in rest if word.isdigit())])


@pytest.mark.parametrize("codec", ["h264", "hevc", "mjpeg"])
@pytest.mark.parametrize("packets", [60, 137, 249])
def test_killed_in_the_middle_of_a_clip_all_but_the_last_second_plays_and_recording_goes_on(
    tmp_path: Path, codec: str, packets: int
) -> None:
    given = killed_at(tmp_path, packets, codec)
    (part,) = tmp_path.rglob("*.part")
    on_disk = numbers(decoded(part))
    assert len(on_disk) >= given - 25 and on_disk[:10] == list(range(10))

    with child(tmp_path, codec) as process:
        said = process.stdout.read() if process.stdout else ""
        assert process.wait(60) == 0
    assert said.startswith("recovered 1 0 0\n") and said.endswith("clips 1\n")
    bench = Bench(tmp_path)
    assert bench.others() == []
    assert [numbers(decoded(video)) for video in bench.videos()] == [list(range(250))]  # the same video again: the same clip, whole


@pytest.mark.parametrize("codec", ["h264", "mjpeg"])
def test_a_cut_clip_is_closed_with_what_it_knows_of_itself(tmp_path: Path, codec: str) -> None:
    given = killed_at(tmp_path, 120, codec)
    (part,) = tmp_path.rglob("*.part")
    before = decoded(part)
    (clip,) = recover(tmp_path).clips
    (video,) = Bench(tmp_path).videos()
    assert decoded(video) == before
    assert video.name + ".part" == part.name
    assert Clip.model_validate_json(manifest_of(video).read_bytes()) == clip
    assert (clip.state, clip.reason, clip.camera, clip.device) == ("recovered", "cut off", "left", "box-1")
    assert [cause.id for cause in clip.events] == [event_id("a")]
    assert given - 25 <= clip.frames <= given and clip.last_frame == clip.first_frame + clip.frames - 1
    assert clip.start_pts_ns == at_s(0) and clip.bytes == video.stat().st_size
    with av.open(str(video)) as closed:  # a player knows its length at once
        assert closed.duration is not None
        assert abs(closed.duration * 1000 - (clip.end_pts_ns - clip.origin_pts_ns)) < 200_000_000


def cut_clip(data: Path, frames: int = 80) -> Path:
    """A `.part` as a cut leaves it."""
    bench = Bench(data)
    bench.play(footage()[:frames], [event("new", "a", at_s(1), at_s(1.2))])
    (part,) = data.rglob("*.part")
    return part


def test_bytes_torn_anywhere_keep_what_was_whole(tmp_path: Path) -> None:
    whole = cut_clip(tmp_path / "x").read_bytes()
    for number, size in enumerate(range(len(whole), len(whole) // 3, -len(whole) // 17)):
        part = tmp_path / str(number) / "clips/left/2026-11-22/033626.250Z-00000000.mp4.part"
        part.parent.mkdir(parents=True)
        part.write_bytes(whole[:size])
        expected = numbers(decoded(part))
        found = recover(tmp_path / str(number))
        assert [clip.frames for clip in found.clips] == [len(expected)]
        assert numbers(decoded(part.with_suffix(""))) == expected


@pytest.mark.parametrize("content", [b"\0" * 5000, b"\0\0\0\x1cmoovisom", bytes(range(256)) * 12], ids=["zeros", "head", "noise"])
def test_what_does_not_play_is_put_aside_and_never_deleted(tmp_path: Path, content: bytes) -> None:
    part = tmp_path / "clips/left/2026-11-22/033626.250Z-00000000.mp4.part"
    for _ in range(2):  # twice under one name: neither is lost
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        found = recover(tmp_path)
        assert (found.clips, found.salvaged) == ([], [part])
    kept = sorted((tmp_path / "salvage").rglob("*.part*"))
    assert [path.name for path in kept] == [part.name, part.name + "~1"]
    assert {path.read_bytes() for path in kept} == {content}
    assert recover(tmp_path).salvaged == []


def test_a_file_without_a_byte_is_cleared_away(tmp_path: Path) -> None:
    part = tmp_path / "clips/left/2026-11-22/033626.250Z-00000000.mp4.part"
    part.parent.mkdir(parents=True)
    part.touch()
    found = recover(tmp_path)
    assert (found.clips, found.salvaged) == ([], [])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def finished_clip(data: Path) -> tuple[Path, Clip]:
    bench = Bench(data)
    bench.play(footage(), [event("new", "a", at_s(2), at_s(2.2)), event("end", "a", at_s(2), at_s(3))])
    (clip,) = bench.stop()
    return bench.videos()[0], clip


def test_a_clip_without_its_manifest_gets_one_again(tmp_path: Path) -> None:
    video, clip = finished_clip(tmp_path)
    manifest_of(video).unlink()
    (again,) = recover(tmp_path).clips
    same = {"id", "camera", "file", "start", "start_pts_ns", "end_pts_ns", "origin_pts_ns", "frames", "bytes", "sha256", "events"}
    assert again.model_dump(include=same) == clip.model_dump(include=same)
    assert again.state == "recovered"


def test_a_video_that_says_nothing_of_itself_is_named_by_its_place(tmp_path: Path) -> None:
    video, _ = finished_clip(tmp_path)
    video.write_bytes(video.read_bytes().replace(b'{"version":1', b'!"version":1!'[:12]))
    manifest_of(video).unlink()
    (again,) = recover(tmp_path).clips
    assert (again.camera, again.frames, again.codec, again.width) == ("left", 75, "h264", 320)
    assert again.start.isoformat() == "2026-11-22T03:36:27.250000+00:00"


def test_what_is_whole_is_left_alone(tmp_path: Path) -> None:
    video, _ = finished_clip(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (video, manifest_of(video))}
    found = recover(tmp_path)
    assert (found.clips, found.salvaged, found.waiting) == ([], [], [])
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_cut_in_the_middle_of_recovering_is_recovered_too(tmp_path: Path) -> None:
    part = cut_clip(tmp_path)
    video = part.with_suffix("")
    video.with_name(video.name + ".copy").write_bytes(part.read_bytes()[:5000])
    expected = numbers(decoded(part))
    (clip,) = recover(tmp_path).clips
    assert clip.frames == len(expected) and Bench(tmp_path).others() == []


def test_a_cut_between_copy_and_clean_up_is_recovered_too(tmp_path: Path) -> None:
    part = cut_clip(tmp_path)
    part.with_suffix("").write_bytes(part.read_bytes())
    (clip,) = recover(tmp_path).clips
    assert clip.frames == len(decoded(part.with_suffix(""))) and Bench(tmp_path).others() == []


def test_nothing_there_is_nothing_to_do(tmp_path: Path) -> None:
    found = recover(tmp_path / "new")
    assert (found.clips, found.salvaged, found.waiting) == ([], [], [])


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(b"{"), lambda path: None], ids=["broken", "kept"])
def test_a_manifest_is_never_written_over(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    video, _ = finished_clip(tmp_path)
    spoil(manifest_of(video))
    before = manifest_of(video).read_bytes()
    recover(tmp_path)
    assert manifest_of(video).read_bytes() == before


def test_a_disk_that_cannot_be_read_does_not_keep_the_appliance_from_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished_clip(tmp_path)

    def broken(self: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "iterdir", broken)
    found = recover(tmp_path)
    assert (found.clips, found.salvaged) == ([], [])
    assert len(found.waiting) == 1 and "the disk has a fault" in found.waiting[0]
