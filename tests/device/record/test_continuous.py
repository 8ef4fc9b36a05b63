"""Recording around the clock and by hours, on a bench: packets in, segments out."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from contracts.clip import group_id
from device.pipeline.packets import Packet
from device.record.layout import manifest_of
from tests.device.record.fakes import Bench
from tests.device.record.footage import START_PTS_NS, START_WALL_NS, at_s, decoded, event, event_id, footage, numbers

AROUND = {"continuous": True}


def clips_of(bench: Bench) -> list[list[int]]:
    return [numbers(decoded(video)) for video in bench.videos()]


@pytest.mark.parametrize(("codec", "b_frames"), [("h264", 0), ("h264", 2), ("hevc", 0), ("mjpeg", 0)])
def test_segments_follow_each_other_with_no_picture_lost_or_doubled(tmp_path: Path, codec: str, b_frames: int) -> None:
    bench = Bench(tmp_path, when=AROUND, segment_s=2)
    bench.play(footage(codec, frames=200, b_frames=b_frames))
    clips = bench.stop()
    assert [number for clip in clips_of(bench) for number in clip] == list(range(200))
    assert [clip.frames for clip in clips] == [50, 50, 50, 50]
    assert {(clip.trigger, tuple(clip.holes)) for clip in clips} == {("continuous", ())}
    assert len({clip.group for clip in clips}) == 1 and [clip.segment for clip in clips] == [0, 1, 2, 3]
    assert [clip.reason for clip in clips] == ["segment", "segment", "segment", "stopped"]
    assert [clip.start_pts_ns for clip in clips[1:]] == [clip.end_pts_ns for clip in clips[:-1]]
    assert [group.id for group in bench.groups] == [clips[0].group]


def test_open_groups_of_pictures_are_cut_only_for_want_of_better_and_what_is_lost_is_said(tmp_path: Path) -> None:
    bench = Bench(tmp_path, when=AROUND, segment_s=2)
    bench.play(footage("hevc", frames=270, gop=27, b_frames=2, open_gop=True))
    clips = bench.stop()
    shown = [number for clip in clips_of(bench) for number in clip]  # pictures shown before a key frame lean on the group before it
    assert shown == [*range(106), *range(108, 214), *range(216, 270)]
    assert [clip.frames for clip in clips] == [106, 106, 54]
    assert [(hole.reason, hole.packets) for clip in clips for hole in clip.holes] == [("skipped", 2), ("skipped", 2)]
    for before, clip in pairwise(clips):
        assert (clip.holes[0].from_pts_ns, clip.holes[0].until_pts_ns) == (before.end_pts_ns, clip.start_pts_ns)


def away(packets: tuple[Packet, ...], seconds: float) -> tuple[Packet, ...]:
    shift = round(seconds * 1e9)
    return tuple(
        replace(p, pts_ns=p.pts_ns + shift, dts_ns=p.dts_ns + shift, mono_ns=p.mono_ns + shift, wall_ns=p.wall_ns + shift) for p in packets
    )


def test_while_the_camera_is_away_the_segment_is_closed_and_the_next_begins_with_the_hole(tmp_path: Path) -> None:
    bench = Bench(tmp_path, when=AROUND, segment_s=60, ring_s=60)
    bench.play(footage()[:60])
    for second in range(3, 24):
        bench.clock.now_ns = at_s(second)
        bench.recorder.step()
    assert [(clip.reason, clip.frames) for clip in bench.clips] == [("camera away", 60)]
    assert list(tmp_path.rglob("*.part")) == []
    bench.play(away(footage(first=60, epoch=1), 24))
    clips = bench.stop()
    (hole,) = clips[1].holes
    assert (hole.reason, hole.after_frame, hole.from_pts_ns, hole.until_pts_ns) == ("reconnect", 59, at_s(2.4), at_s(24))
    assert [clip.frames for clip in clips] == [60, 150]
    share = bench.tally.gauges()["left", "recorded"]
    assert share == pytest.approx((2.4 + 6) / 30, abs=0.02)


def test_an_event_marks_the_segments_it_reaches_into_and_is_not_recorded_twice(tmp_path: Path) -> None:
    bench = Bench(tmp_path, when=AROUND, segment_s=2)
    # seen at 4.2 s, in the third segment; its pre-roll lies in the second, which is finished; it ends in the fourth
    bench.play(footage(frames=300), [event("new", "a", at_s(4.1), at_s(4.2)), event("end", "a", at_s(4.1), at_s(6.5))])
    told = bench.stop()
    last = {clip.id: clip for clip in told}
    clips = sorted(last.values(), key=lambda clip: clip.start)
    assert [number for clip in clips_of(bench) for number in clip] == list(range(300))
    assert [[cause.id for cause in clip.events] for clip in clips] == [[], [event_id("a")], [event_id("a")], [event_id("a")], [], []]
    assert {clip.trigger for clip in clips} == {"continuous"}
    mark = group_id(str(event_id("a")))
    assert {cause.group for clip in clips for cause in clip.events} == {mark}
    by_group = {group.id: group for group in bench.groups}
    assert [clip.id for clip in by_group[mark].clips] == [clip.id for clip in clips[1:4]]
    assert by_group[mark].cameras == ("left",) and by_group[clips[0].group or mark].clips == ()
    for clip, video in zip(clips, bench.videos(), strict=True):
        assert manifest_of(video).read_text() == clip.model_dump_json(indent=1) + "\n"


def at_utc(seconds: float) -> str:
    minute = (START_WALL_NS // 1_000_000_000 + round(seconds)) // 60 % 1440
    return f"{minute // 60:02d}:{minute % 60:02d}"


def test_hours_begin_and_end_to_the_picture_and_an_event_goes_on_beyond_them(tmp_path: Path) -> None:
    """The film begins at 03:36:26.25 UTC; the hours begin at 03:37:00, which is 33.75 s into it."""
    packets = away(footage(frames=400), 30)
    when = {"schedule": ["sun 03:37-03:38"], "time_zone": "UTC"}
    bench = Bench(tmp_path, when=when, segment_s=60)
    bench.play(packets)
    clips = bench.stop()
    (clip,) = clips
    assert (clip.trigger, clip.reason) == ("schedule", "stopped")
    begin = clip.start.timestamp()
    assert 0 <= START_WALL_NS / 1e9 + 33.75 - begin <= 1.0, "from the key frame before the hour on"
    assert numbers(decoded(bench.videos()[0]))[-1] == 399
    assert clip.pre_roll_ms == pytest.approx((START_WALL_NS / 1e9 + 33.75 - begin) * 1000, abs=1)


def test_when_the_hours_are_over_the_last_picture_is_the_one_before(tmp_path: Path) -> None:
    packets = away(footage(frames=200), 90)  # until 03:38:00, which is 93.75 s into it
    bench = Bench(tmp_path, when={"schedule": ["daily 03:37-03:38"], "time_zone": "UTC"})
    bench.play(packets, [event("new", "a", at_s(93), at_s(93.2)), event("end", "a", at_s(93), at_s(95))])
    clips = bench.stop()
    assert [(clip.trigger, clip.reason) for clip in clips] == [("schedule", "end of schedule"), ("event", "end of event")]
    assert clips[0].end_pts_ns == clips[1].start_pts_ns == at_s(94), "the first key frame behind the hour"
    assert [number for clip in clips_of(bench) for number in clip] == list(range(150))
    assert clips[0].events[0].id == clips[1].events[0].id == event_id("a")
    assert clips[1].group == group_id(str(event_id("a"))) == clips[0].events[0].group


def test_hours_without_an_event_end_to_the_picture(tmp_path: Path) -> None:
    bench = Bench(tmp_path, when={"schedule": ["daily 03:37-03:38"], "time_zone": "UTC"})
    bench.play(away(footage(frames=200), 90))
    (clip,) = bench.stop()
    assert (clip.reason, clip.frames, clip.last_frame) == ("end of schedule", 94, 93)
    assert START_PTS_NS + 93.75e9 <= clip.end_pts_ns < START_PTS_NS + 93.8e9


def test_what_is_wished_comes_back_by_itself_after_the_disk_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, when=AROUND, segment_s=60)
    packets = footage(frames=400)
    bench.play(packets[:100])
    with monkeypatch.context() as patched:
        patched.setattr("os.fdatasync", _full)
        bench.play(packets[100:150])
        assert bench.board.parts()["record"].state == "degraded"
    bench.play(packets[150:])
    bench.stop()
    assert bench.board.parts()["record"].state == "ok"
    assert bench.others() == []
    shown = [number for clip in clips_of(bench) for number in clip]
    assert shown[-1] == 399 and shown == sorted(set(shown)) and len(shown) > 300
    (group,) = bench.groups
    assert {clip.group for clip in bench.clips} == {group.id}


def _full(handle: int) -> None:
    raise OSError(28, "No space left on device")


def test_one_camera_may_be_recorded_otherwise_than_the_others(tmp_path: Path) -> None:
    bench = Bench(tmp_path, cameras=("left", "right"), cameras_other={"right": {"continuous": True, "events": False}})
    left, right = footage(camera="left"), footage(camera="right")
    both = [packet for pair in zip(left, right, strict=True) for packet in pair]
    told = [event(life, name, at_s(2), at_s(t), camera=name) for name in ("left", "right") for life, t in (("new", 2.2), ("end", 3))]
    bench.play(both, told)
    clips = {clip.camera: clip for clip in bench.stop()}
    assert {camera: (clip.trigger, len(clip.events)) for camera, clip in clips.items()} == {
        "left": ("event", 1),
        "right": ("continuous", 0),
    }
    assert [clips[camera].frames for camera in ("left", "right")] == [75, 150]
