"""Real cameras on a real wire, recorded around the clock: every picture once, sound in step, whatever the codecs are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import av
import pytest

from contracts.clip import Clip
from device.capture.rtsp import RtspSource
from tests.device.record.footage import decoded, numbers
from tests.scenarios.films import beeps, flashes, numbered
from tests.scenarios.recording import CLOCK, Recorded, recording
from tests.scenarios.stage import RtspServer

pytestmark = [pytest.mark.rtsp, pytest.mark.timeout(120)]
PARSERS = {"h264": "h264parse", "hevc": "h265parse", "mjpeg": "jpegparse"}
SOUNDS = {"": "", "aac": "aac", "pcm_alaw": "pcma"}
IN_STEP_S = 0.04


@contextmanager
def camera(path: Path, codec: str, sound: str = "") -> Iterator[RtspServer]:
    server = RtspServer(numbered(path, codec, sound=sound), PARSERS[codec], SOUNDS[sound])
    server.start()
    try:
        yield server
    finally:
        server.kill()


def source(server: RtspServer, name: str = "yard") -> RtspSource:
    return RtspSource(name, RtspSource.Options(url=server.url), CLOCK)


def shown(recorded: Recorded) -> list[int]:
    return [number for video in recorded.videos() for number in numbers(decoded(video))]


def in_order(clips: list[Clip]) -> list[Clip]:
    return sorted(clips, key=lambda clip: clip.start_pts_ns)


@pytest.mark.parametrize("codec", ["h264", "hevc", "mjpeg"])
def test_a_camera_is_recorded_in_segments_with_every_picture_once(tmp_path: Path, codec: str) -> None:
    with camera(tmp_path / "film.mkv", codec) as server, recording(tmp_path / "data", {"yard": source(server)}) as recorded:
        recorded.until(lambda: recorded.packets() >= 110)
    pictures, clips = shown(recorded), in_order(recorded.clips)
    assert pictures == list(range(pictures[0], pictures[0] + len(pictures))) and len(pictures) >= 108
    assert len(clips) >= 3 and {clip.codec for clip in clips} == {codec}
    assert [clip.frames for clip in clips] == [len(decoded(video)) for video in recorded.videos()]
    assert all(abs(after.start_pts_ns - before.end_pts_ns) < 40_000_000 for before, after in pairwise(clips))
    assert {hole.reason for clip in clips for hole in clip.holes} == set()
    assert recorded.tally.gauges()["yard", "recorded"] > 0.5


@pytest.mark.parametrize(("sound", "container", "kept"), [("aac", "mp4", "aac"), ("pcm_alaw", "mkv", "pcm_s16le")])
def test_sound_is_kept_in_step_over_segments(tmp_path: Path, sound: str, container: str, kept: str) -> None:
    film, data = tmp_path / "film.mkv", tmp_path / "data"
    with camera(film, "h264", sound) as server, recording(data, {"yard": source(server)}, audio=True) as recorded:
        recorded.until(lambda: recorded.packets() >= 115)
    pictures, clips = shown(recorded), in_order(recorded.clips)
    assert pictures == list(range(pictures[0], pictures[0] + len(pictures))) and len(pictures) >= 113
    assert {(clip.container, clip.audio and clip.audio.codec, clip.audio and clip.audio.lost) for clip in clips} == {(container, kept, 0)}
    seen = heard = 0
    for clip, video in zip(clips, recorded.videos(), strict=True):
        edge_s = (clip.end_pts_ns - clip.start_pts_ns) / 1e9 - 0.06  # a packet of sound that reaches into the next segment
        lights, tones = flashes(video), [tone for tone in beeps(video) if tone < edge_s]
        seen, heard = seen + len(lights), heard + len(tones)
        for tone in tones:
            assert min(abs(tone - light) for light in (*lights, 0.0)) < IN_STEP_S, (video.name, lights, tones)
    assert heard >= 2 and seen >= 2


def test_a_camera_with_sound_is_silent_in_clips_unless_asked_for(tmp_path: Path) -> None:
    with camera(tmp_path / "film.mkv", "h264", "aac") as server, recording(tmp_path / "data", {"yard": source(server)}) as recorded:
        recorded.until(lambda: recorded.packets() >= 30)
    assert {clip.audio for clip in recorded.clips} == {None}
    with av.open(str(recorded.videos()[0])) as opened:
        assert not opened.streams.audio


def test_a_camera_that_goes_away_twice_leaves_holes_that_are_told(tmp_path: Path) -> None:
    with camera(tmp_path / "film.mkv", "h264") as server, recording(tmp_path / "data", {"yard": source(server)}, segment_s=60) as recorded:
        for number in range(1, 4):
            recorded.until(lambda number=number: recorded.packets() >= 30 * number)  # type: ignore[misc]
            if number < 3:
                server.kill()
                recorded.until(lambda number=number: recorded.tally.get("yard", "reconnects") >= number)  # type: ignore[misc]
                server.start()
    clips = in_order(recorded.clips)
    holes = [hole for clip in clips for hole in clip.holes]
    assert [hole.reason for hole in holes] == ["reconnect", "reconnect"]
    gone_s = sum(hole.until_pts_ns - hole.from_pts_ns for hole in holes) / 1e9
    share = recorded.tally.gauges()["yard", "recorded"]
    total_s = (clips[-1].end_pts_ns - clips[0].start_pts_ns) / 1e9
    assert 0 < gone_s < total_s and share == pytest.approx(1 - gone_s / total_s, abs=0.25)
    kept = sum(clip.frames for clip in clips)
    assert kept == recorded.packets() == len(shown(recorded))
