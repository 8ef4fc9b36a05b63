"""Files: times right to the PTS, starts, damage, loops; read with real containers made by FFmpeg."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pytest
from pydantic import ValidationError

from contracts.errors import ConfigError, HardwareError
from device.capture.decoder import Decoder
from device.capture.file import FileSource
from device.pipeline.packets import Packet
from tests.device.capture.fakes import CLOCK, MS, SECOND, SetClock, even, film, number_in


def source(path: Path, **options: object) -> FileSource:
    return FileSource("left", FileSource.Options(path=path, **options), CLOCK)  # type: ignore[arg-type]


def pictures(packets: list[Packet], threaded: bool = True) -> list[tuple[int | None, int]]:
    """(burnt-in number, milliseconds) of every picture, in the order of presentation."""
    decoder = Decoder(packets[0].stream, threaded)
    frames = [frame for p in packets for frame in decoder.decode(p)] + decoder.flush()
    return [(number_in(frame), frame.pts_ns // MS) for frame in frames]


@pytest.mark.parametrize("bframes", [0, 2])
def test_variable_frame_rates_are_right_to_the_millisecond(tmp_path: Path, bframes: int) -> None:
    times = [0, 10, 15, 100, 101, 105, 400, 1400, 1410, 1500, 1533, 1566, 3000]
    path = film(tmp_path / "vfr.mkv", times, bframes=bframes, gop=6)
    assert pictures(list(source(path).packets())) == list(enumerate(times))


@pytest.mark.parametrize(
    ("name", "codec", "bframes"),
    [
        ("b.mp4", "libx264", 2),
        ("b.mkv", "libx264", 3),
        ("b.avi", "libx264", 2),
        ("plain.avi", "libx264", 0),
        ("motion.avi", "mjpeg", 0),
        ("divx.avi", "mpeg4", 2),
        ("hevc.mp4", "libx265", 2),
        ("whole.mov", "libx264", 1),
    ],
)
def test_every_picture_of_a_container_comes_at_its_time(tmp_path: Path, name: str, codec: str, bframes: int) -> None:
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = film(tmp_path / name, even(60), codec=codec, bframes=bframes, pix_fmt=pix_fmt)
    packets = list(source(path).packets())
    assert pictures(packets) == list(enumerate(even(60)))
    dts = [p.dts_ns for p in packets]
    assert dts == sorted(set(dts))
    assert all(p.dts_ns <= p.pts_ns for p in packets)
    assert [p.seq for p in packets] == list(range(60))
    assert packets[0].key and packets[0].pts_ns == 0
    if codec == "libx264":
        assert packets[0].stream.extradata.startswith(b"\x00\x00\x00\x01\x67")
        assert all(p.data[:3] in {b"\x00\x00\x00", b"\x00\x00\x01"} for p in packets)


def test_capture_time_is_start_plus_media_time(tmp_path: Path) -> None:
    clock = SetClock(mono=42)
    path = film(tmp_path / "film.mp4", even(10), bframes=2)
    start = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
    packets = list(FileSource("left", FileSource.Options(path=path, start=start), clock).packets())
    zero = int(start.timestamp()) * SECOND
    assert all(p.wall_ns == zero + p.pts_ns and p.mono_ns == 42 + p.pts_ns for p in packets)


def test_the_start_is_the_owners_then_the_containers_then_that_of_the_files_last_writing(tmp_path: Path) -> None:
    tagged = film(tmp_path / "tagged.mp4", even(25), metadata={"creation_time": "2023-04-05T06:07:08Z"})
    plain = film(tmp_path / "plain.mkv", even(25))
    os.utime(plain, ns=(0, 1_700_000_000 * SECOND))
    clockless = film(tmp_path / "clockless.mp4", even(25), metadata={"creation_time": "1970-01-01T00:00:11Z"})
    wanted = datetime(2022, 1, 1, tzinfo=timezone.utc)
    said = {}
    for name, one in {
        "option": source(tagged, start=wanted),
        "tagged": source(tagged),
        "plain": source(plain),
        "clockless": source(clockless),
    }.items():
        said[name] = (next(iter(one.packets())).wall_ns, one.start_source)
    assert said["option"] == (int(wanted.timestamp()) * SECOND, "option")
    assert said["tagged"] == (int(datetime(2023, 4, 5, 6, 7, 8, tzinfo=timezone.utc).timestamp()) * SECOND, "creation_time")
    assert said["clockless"][1] == "mtime"
    wall, how = said["plain"]
    assert how == "mtime"
    assert abs(wall - (1_700_000_000 * SECOND - SECOND)) < 100 * MS


def test_the_same_file_has_the_same_identity_and_one_played_live_another_each_time(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mkv", even(10))
    assert source(path).identity == hashlib.sha256(path.read_bytes()).hexdigest()
    live = {source(path, pace="realtime").identity for _ in range(3)}
    assert len(live) == 3


def test_a_file_that_is_cut_short_is_read_to_the_cut_and_the_hole_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = film(tmp_path / "whole.mkv", even(250))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    one = source(cut)
    with caplog.at_level(logging.WARNING):
        packets = list(one.packets())
    numbers = [n for n, _ in pictures(packets)]
    assert 60 < len(numbers) < 200
    assert numbers == list(range(len(numbers)))
    (hole,) = one.holes.found
    assert "cut short" in hole.reason
    assert abs(hole.from_pts_ns - packets[-1].pts_ns) < 100 * MS and hole.until_pts_ns > 9 * SECOND
    assert "hole in a file" in caplog.text


def test_a_file_damaged_in_the_middle_is_read_on_both_sides_and_the_hole_named(tmp_path: Path) -> None:
    data = bytearray(film(tmp_path / "whole.mkv", even(500), gop=10).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 9000] = os.urandom(9000)
    hurt = tmp_path / "hurt.mkv"
    hurt.write_bytes(data)
    one = source(hurt)
    packets = list(one.packets())
    decoded = [(n, at) for n, at in pictures(packets) if n is not None]
    assert all(at == n * 40 for n, at in decoded)
    assert decoded[0][0] == 0 and decoded[-1][0] == 499
    assert one.holes.count >= 1
    lost = sorted(set(range(500)) - {n for n, _ in decoded})
    assert lost and len(lost) < 150
    assert any(h.from_pts_ns <= lost[0] * 40 * MS + SECOND and h.until_pts_ns >= lost[0] * 40 * MS - SECOND for h in one.holes.found)


def test_packets_that_a_container_calls_damaged_are_left_out_with_what_leans_on_them_and_counted(tmp_path: Path) -> None:
    """MPEG-TS: every 188 bytes a packet with a counter; some of the middle are taken out, and FFmpeg sees the counter jump."""
    whole = film(tmp_path / "whole.ts", even(200), gop=20)
    data = whole.read_bytes()
    middle = len(data) // 2 // 188 * 188
    hurt = tmp_path / "hurt.ts"
    hurt.write_bytes(data[:middle] + data[middle + 5 * 188 :])
    all_of_it, one = source(whole), source(hurt)
    before, after = len(list(all_of_it.packets())), len(list(one.packets()))
    assert not all_of_it.lost
    assert one.lost["damaged"] >= 1
    assert one.lost["no_key_frame"] >= 1
    assert before - 3 <= after + one.lost.total() <= before, "one or two went with the bytes"


def test_a_pause_in_a_slow_film_is_no_hole(tmp_path: Path) -> None:
    one = source(film(tmp_path / "slow.mkv", [n * 2000 for n in range(10)]))
    assert len(list(one.packets())) == 10
    assert one.holes.count == 0


@pytest.mark.parametrize("make", ["missing", "text", "headless", "folder"])
def test_what_is_no_film_is_said_with_its_name_and_a_mend(tmp_path: Path, make: str) -> None:
    path = tmp_path / "film.mp4"
    if make == "text":
        path.write_text("no film")
    elif make == "headless":
        path.write_bytes(film(tmp_path / "whole.mp4", even(30)).read_bytes()[:2000])
    elif make == "folder":
        path.mkdir()
    with pytest.raises((HardwareError, ConfigError), match=r"camera left: .*film\.mp4"):
        list(source(path).packets())


def test_a_file_without_video_is_refused(tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    with pytest.raises(HardwareError, match="no video"):
        list(source(tmp_path / "sound.wav").packets())


def test_looping_needs_the_pace_of_a_camera() -> None:
    with pytest.raises(ValidationError, match="pace: realtime"):
        FileSource.Options(path=Path("x"), loop=True)


@pytest.mark.parametrize("bframes", [0, 2])
def test_a_loop_played_live_goes_on_in_media_time_with_a_new_epoch(tmp_path: Path, bframes: int) -> None:
    one = source(film(tmp_path / "film.mkv", even(8), bframes=bframes), pace="realtime", loop=True)
    packets: list[Packet] = []
    for packet in one.packets():
        packets.append(packet)
        if len(packets) == 20:
            one.close()
    assert len(packets) == 20
    assert [p.seq for p in packets] == list(range(20))
    assert Counter(p.stream.epoch for p in packets) == {0: 8, 1: 8, 2: 4}
    dts = [p.dts_ns for p in packets]
    assert dts == sorted(set(dts))
    last = max(p.pts_ns for p in packets if p.stream.epoch == 0)
    assert min(p.pts_ns for p in packets if p.stream.epoch == 1) > last
    assert abs((packets[-1].mono_ns - packets[0].mono_ns) - (packets[-1].pts_ns - packets[0].pts_ns)) < 20 * MS
    assert abs(packets[-1].mono_ns - CLOCK.mono_ns()) < 300 * MS
    assert abs(packets[-1].wall_ns - CLOCK.wall_ns()) < 300 * MS


def test_playing_live_keeps_the_films_own_speed(tmp_path: Path) -> None:
    one = source(film(tmp_path / "film.mkv", even(16)), pace="realtime")
    before = CLOCK.mono_ns()
    assert len(list(one.packets())) == 16
    assert 590 * MS <= CLOCK.mono_ns() - before < 2 * SECOND
    assert one.live


def test_a_film_on_its_side_comes_upright(tmp_path: Path) -> None:
    import av

    flat = film(tmp_path / "flat.mp4", even(5))
    side = tmp_path / "side.mp4"
    with av.open(str(flat)) as container, av.open(str(side), "w") as out:
        stream = out.add_stream_from_template(container.streams.video[0])
        stream.set_display_rotation(-90)
        for packet in container.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    packets = list(source(side).packets())
    assert packets[0].stream.rotation in {90, 270}
    frame = Decoder(packets[0].stream).decode(packets[0])[0]
    assert (frame.planes.width, frame.planes.height) == (180, 320)
    upright = frame.planes.bgr() if packets[0].stream.rotation == 90 else frame.planes.bgr()[::-1, ::-1]
    assert upright[40:, 10].mean() > upright[40:, -10].mean()  # the lighter lower half is on the left after a turn to the right
