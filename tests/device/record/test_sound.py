"""Sound beside the pictures: what each container takes, times that are broken, sound that stalls, and a cut in the middle."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import av
import numpy as np
import pytest

from contracts.clip import Clip
from device.capture.file import FileSource
from device.pipeline.packets import Packet
from device.pipeline.sound import Sound
from device.record.recover import recover
from tests.device.capture.fakes import CLOCK
from tests.device.record.fakes import Bench
from tests.device.record.footage import START_PTS_NS, START_WALL_NS, decoded, numbers
from tests.scenarios.films import beeps, flashes, numbered

AROUND = {"when": {"continuous": True}, "audio": True}
START = datetime(2026, 11, 22, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


def heard(film: Path) -> list[Packet]:
    """The film as a camera's packets, sound and all, in the time of the bench."""
    source = FileSource("left", FileSource.Options(path=film, start=START), CLOCK)
    source.hear()
    return list(moved(source.packets()))


def moved(packets: Iterator[Packet]) -> Iterator[Packet]:
    for p in packets:
        sounds = tuple(replace(sound, pts_ns=sound.pts_ns + START_PTS_NS) for sound in p.sounds)
        at = p.pts_ns + START_PTS_NS
        yield replace(p, pts_ns=at, dts_ns=p.dts_ns + START_PTS_NS, mono_ns=at, wall_ns=START_WALL_NS + p.pts_ns, sounds=sounds)


def film(films: Path, sound: str, container: str = "mkv", codec: str = "h264") -> Path:
    path = films / f"{codec}-{sound}.{container}"
    return path if path.exists() else numbered(path, codec, seconds=5, sound=sound)


def sound_s(video: Path) -> float:
    """How much sound can be decoded."""
    with av.open(str(video)) as opened:
        return sum(frame.samples / frame.sample_rate for frame in opened.decode(audio=0))


@pytest.mark.parametrize(
    ("sound", "file", "container", "kept", "sent"),
    [
        ("aac", "mp4", "mp4", "aac", ""),
        ("aac", "ts", "mp4", "aac", ""),
        ("libmp3lame", "mkv", "mp4", "mp3", ""),
        ("libopus", "mkv", "mp4", "opus", ""),
        ("ac3", "mkv", "mp4", "ac3", ""),
        ("flac", "mkv", "mp4", "flac", ""),
        ("pcm_alaw", "mov", "mkv", "pcm_s16le", "pcm_alaw"),
        ("pcm_mulaw", "mkv", "mkv", "pcm_s16le", "pcm_mulaw"),
        ("pcm_s16be", "mov", "mkv", "pcm_s16be", ""),
    ],
)
def test_each_codec_goes_into_a_container_that_holds_it_in_step_with_the_pictures(
    tmp_path: Path, films: Path, sound: str, file: str, container: str, kept: str, sent: str
) -> None:
    bench = Bench(tmp_path, **AROUND, segment_s=60)
    packets = heard(film(films, sound, file))
    bench.play(packets)
    (clip,) = bench.stop()
    (video,) = bench.videos()
    assert clip.container == container and clip.audio is not None
    assert (clip.audio.codec, clip.audio.sent, clip.audio.left_out, clip.audio.lost) == (kept, sent, "", 0)
    assert clip.audio.packets == sum(len(p.sounds) for p in packets) or clip.audio.packets > 30
    assert numbers(decoded(video)) == list(range(125))
    lights, tones = flashes(video), beeps(video)
    assert len(lights) == len(tones) == 4
    assert max(abs(tone - light) for tone, light in zip(tones, lights, strict=True)) < 0.04
    assert sound_s(video) == pytest.approx(5, abs=0.2)


def test_unpacked_samples_are_those_of_ffmpeg(tmp_path: Path, films: Path) -> None:
    path = film(films, "pcm_alaw", "mov")
    bench = Bench(tmp_path, **AROUND, segment_s=60)
    bench.play(heard(path))
    bench.stop()
    samples = [
        subprocess.run(["ffmpeg", "-loglevel", "error", "-i", str(each), "-f", "s16le", "-"], capture_output=True, check=True).stdout
        for each in (path, bench.videos()[0])
    ]
    assert len(samples[1]) > 0.95 * len(samples[0])
    assert samples[0].startswith(samples[1][: len(samples[1]) // 2])


def test_a_codec_that_no_container_holds_is_named_and_the_pictures_are_kept(tmp_path: Path, films: Path) -> None:
    bench = Bench(tmp_path, **AROUND, segment_s=60)
    packets = heard(film(films, "g722", "mkv"))
    bench.play(packets)
    (clip,) = bench.stop()
    assert not any(p.sounds for p in packets)
    assert clip.container == "mp4" and clip.audio is not None and clip.audio.codec == "g722"
    assert clip.audio.left_out == "neither MP4 nor Matroska takes g722 as it is"
    assert numbers(decoded(bench.videos()[0])) == list(range(125))


@pytest.mark.parametrize("lead_ms", [-400, -100, 0, 300, 1500])
def test_no_sound_is_lost_or_doubled_between_segments_however_far_it_is_from_the_pictures_it_came_with(
    tmp_path: Path, films: Path, lead_ms: int
) -> None:
    """Sound comes on the wire that much before (or behind) the pictures of its time."""
    bench = Bench(tmp_path, **AROUND, segment_s=2)
    packets = heard(film(films, "aac", "mp4"))
    sounds = sorted((sound for p in packets for sound in p.sounds), key=lambda sound: sound.pts_ns)
    ridden = []
    for p in packets:
        riding = [sound for sound in sounds if sound.pts_ns < p.pts_ns + lead_ms * 1_000_000]
        sounds = sounds[len(riding) :]
        ridden.append(replace(p, sounds=tuple(riding)))
    total = sum(len(p.sounds) for p in ridden)
    bench.play(ridden)
    clips = bench.stop()
    assert [number for video in bench.videos() for number in numbers(decoded(video))] == list(range(125))
    kept = sum(clip.audio.packets for clip in clips if clip.audio)
    # before the first picture, and behind the last there is nothing to go with
    assert total - 3 - max(0, lead_ms) // 20 <= kept <= total
    assert sum(clip.audio.lost for clip in clips if clip.audio) == 0
    edges = [(audio_span(video), clip) for video, clip in zip(bench.videos(), clips, strict=True)]
    for (_, end_s), clip in edges[:-1]:
        assert end_s == pytest.approx((clip.end_pts_ns - clip.start_pts_ns) / 1e9, abs=0.05)
    for (begin_s, _), _ in edges[1:]:
        assert begin_s < 0.03


def audio_span(video: Path) -> tuple[float, float]:
    with av.open(str(video)) as opened:
        times = [(float(p.pts * p.time_base), float((p.pts + (p.duration or 0)) * p.time_base)) for p in opened.demux(audio=0) if p.size]
    return times[0][0], times[-1][1]


def broken(packets: list[Packet], how: str) -> list[Packet]:
    rng = np.random.default_rng(3)
    shift = {
        "a year away": lambda _: 31_536_000 * 10**9,
        "backwards": lambda n: -2 * n * 40_000_000,
        "wild": lambda _: int(rng.integers(-(10**12), 10**12)),
    }
    out = []
    for n, p in enumerate(packets):
        if how == "stalls" and n > 40:
            out.append(replace(p, sounds=()))
        elif how == "junk":
            out.append(replace(p, sounds=tuple(Sound(s.pts_ns, s.duration_ns, rng.bytes(len(s.data))) for s in p.sounds)))
        elif how in shift:
            out.append(replace(p, sounds=tuple(replace(s, pts_ns=s.pts_ns + shift[how](n)) for s in p.sounds)))
        else:
            out.append(p)
    return out


@pytest.mark.parametrize("how", ["a year away", "backwards", "wild", "stalls", "junk"])
@pytest.mark.parametrize("sound", ["aac", "pcm_alaw"])
def test_broken_sound_never_touches_the_pictures(tmp_path: Path, films: Path, sound: str, how: str) -> None:
    bench = Bench(tmp_path, **AROUND, segment_s=2)
    packets = broken(heard(film(films, sound, "mov")), how)
    for count, p in enumerate(packets, 1):
        bench.play([p])
        if count == 45:  # what is on the disk by now: no sound that is missing holds pictures back
            (part,) = tmp_path.rglob("*.part")
            assert len(numbers(decoded(part))) >= 15
    clips = bench.stop()
    assert [number for video in bench.videos() for number in numbers(decoded(video))] == list(range(125))
    assert all(clip.holes == [] for clip in clips)


def test_sound_that_comes_late_in_the_day_is_kept_from_the_next_key_frame_on(tmp_path: Path, films: Path) -> None:
    bench = Bench(tmp_path, **AROUND, segment_s=60)
    packets = [replace(p, sounds=p.sounds if n >= 60 else ()) for n, p in enumerate(heard(film(films, "aac", "mov")))]
    bench.play(packets)
    clips = bench.stop()
    assert [(clip.reason, clip.frames, bool(clip.audio and clip.audio.packets)) for clip in clips] == [
        ("stream changed", 75, False),
        ("stopped", 50, True),
    ]
    assert clips[0].audio and clips[0].audio.left_out == "none came when the clip began"


@pytest.mark.parametrize("sound", ["aac", "pcm_alaw"])
@pytest.mark.parametrize("count", [40, 77, 110])
def test_a_cut_in_the_middle_of_a_segment_costs_less_than_a_second_of_sound_and_pictures(
    tmp_path: Path, films: Path, sound: str, count: int
) -> None:
    bench = Bench(tmp_path, **AROUND, segment_s=60)
    bench.play(heard(film(films, sound, "mov"))[:count])
    (part,) = tmp_path.rglob("*.part")
    copy = tmp_path / "copy" / part.relative_to(tmp_path)
    copy.parent.mkdir(parents=True)
    copy.write_bytes(part.read_bytes())  # as a kill leaves it
    (clip,) = recover(tmp_path / "copy").clips
    video = copy.with_suffix("")
    assert (clip.state, clip.trigger) == ("recovered", "continuous") and clip.group is not None
    assert clip.frames == len(decoded(video)) >= count - 25
    assert sound_s(video) >= count / 25 - 1
    assert Clip.model_validate_json(video.with_suffix(".json").read_bytes()) == clip
    bench.stop()
