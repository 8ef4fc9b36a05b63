import hashlib
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.clip import Clip
from device.pipeline.packets import Packet
from tests.device.record.fakes import Bench, scene
from tests.device.record.footage import at_s, decoded, event, event_id, footage, numbers


def one(bench: Bench) -> tuple[Clip, list[tuple[int, int]]]:
    """The only clip, after everything was stopped, and its pictures."""
    clips = bench.stop()
    assert len(clips) == 1
    assert bench.others() == []
    return clips[0], decoded(bench.videos()[0])


@pytest.mark.parametrize("gop", [10, 25, 60])
@pytest.mark.parametrize("start_s", [1.0, 2.5, 2.54, 3.0, 3.96])
def test_the_first_picture_is_at_most_one_gop_before_the_time_asked_and_never_after(tmp_path: Path, gop: int, start_s: float) -> None:
    bench = Bench(tmp_path)
    begin, end = event("new", "a", at_s(start_s), at_s(start_s + 0.2)), event("end", "a", at_s(start_s), at_s(start_s + 0.6))
    bench.play(footage(gop=gop), [begin, end])
    clip, pictures = one(bench)
    asked = round((start_s - 1) * 25)
    assert 0 <= asked - pictures[0][0] < gop
    assert pictures[0][0] % gop == 0
    assert (clip.pre_roll_asked_ms, clip.pre_roll_ms) == (1000, round(start_s * 1000) - pictures[0][0] * 40)
    assert clip.first_frame == pictures[0][0]


def test_a_clip_ends_one_post_roll_after_the_event_and_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.play(footage(), [event("new", "a", at_s(2), at_s(2.2)), event("end", "a", at_s(2), at_s(3))])
    clip, pictures = one(bench)
    assert numbers(pictures) == list(range(25, 100))
    assert (clip.post_roll_asked_ms, clip.post_roll_ms, clip.reason) == (1000, 1000, "end of event")
    assert (clip.first_frame, clip.last_frame, clip.frames) == (25, 99, 75)


def test_the_manifest_says_what_the_file_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.play(footage(), [event("new", "a", at_s(2), at_s(2.2)), event("end", "a", at_s(2), at_s(3))])
    clip, _ = one(bench)
    video = bench.videos()[0]
    assert Clip.model_validate_json(video.with_suffix(".json").read_bytes()) == clip
    assert str(video.relative_to(tmp_path)) == f"clips/left/2026-11-22/033627.250Z-{clip.id.hex[:8]}.mp4"
    assert (clip.bytes, clip.sha256) == (video.stat().st_size, hashlib.sha256(video.read_bytes()).hexdigest())
    assert (clip.camera, clip.container, clip.codec, clip.width, clip.height) == ("left", "mp4", "h264", 320, 240)
    assert clip.codec_string is not None and clip.codec_string.startswith("avc1.42c0")
    assert (clip.device, clip.software, clip.state, clip.holes) == ("box-1", "vedette 0.1.0", "complete", [])
    assert [(cause.id, cause.kind, cause.label) for cause in clip.events] == [(event_id("a"), "object", "person")]
    assert (clip.end - clip.start).total_seconds() == (clip.end_pts_ns - clip.start_pts_ns) / 1e9 == 3
    assert clip.start_pts_ns == at_s(1)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_media_times_are_kept_with_b_frames_and_a_variable_rate(tmp_path: Path, codec: str) -> None:
    bench = Bench(tmp_path)
    packets = footage(codec, b_frames=2, variable=True)
    bench.play(packets, [event("new", "a", at_s(2), at_s(2.2)), event("end", "a", at_s(2), at_s(3))])
    clip, pictures = one(bench)
    by_number = dict(enumerate(sorted(packet.pts_ns for packet in packets)))
    assert numbers(pictures) == list(range(pictures[0][0], pictures[0][0] + clip.frames))
    assert [clip.origin_pts_ns + time_us * 1000 for _, time_us in pictures] == [by_number[number] for number, _ in pictures]
    assert clip.start_pts_ns == by_number[pictures[0][0]] <= at_s(1)


def test_motion_jpeg_is_kept_as_matroska(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.play(footage("mjpeg"), [event("new", "a", at_s(2), at_s(2.2)), event("end", "a", at_s(2), at_s(3))])
    clip, pictures = one(bench)
    assert numbers(pictures) == list(range(25, 100))
    assert (clip.container, clip.codec, clip.codec_string, bench.videos()[0].suffix) == ("mkv", "mjpeg", None, ".mkv")


def test_events_that_overlap_share_a_clip(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    told = [
        event("new", "a", at_s(1), at_s(1.2)), event("new", "b", at_s(2), at_s(2.2)), event("end", "a", at_s(1), at_s(2.4)),
        event("new", "c", at_s(3), at_s(3.2)), event("end", "b", at_s(2), at_s(2.6)), event("end", "c", at_s(3), at_s(3.6)),
    ]  # fmt: skip
    bench.play(footage(), told)
    clip, pictures = one(bench)
    assert numbers(pictures) == list(range(115))  # until one second after 3.6 s
    assert [cause.id for cause in clip.events] == [event_id(name) for name in "abc"]


def test_an_event_seen_when_the_post_roll_is_over_has_its_own_clip(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    told = [event("new", "a", at_s(1), at_s(1.2)), event("end", "a", at_s(1), at_s(1.4)), event("new", "b", at_s(3.2), at_s(3.4))]
    bench.play(footage(), [*told, event("end", "b", at_s(3.2), at_s(3.6))])
    clips = bench.stop()
    assert [[cause.id for cause in clip.events] for clip in clips] == [[event_id("a")], [event_id("b")]]
    assert [numbers(decoded(video)) for video in bench.videos()] == [list(range(60)), list(range(50, 115))]


def test_a_clip_waits_for_analysis_before_it_is_closed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.play(footage()[:26], [event("new", "a", at_s(0.6), at_s(0.8)), event("end", "a", at_s(0.6), at_s(1))])
    for packet in footage()[26:]:
        bench.rings["left"].append(packet)
        bench.recorder.step()  # analysis is a while behind
    assert bench.clips == []
    bench.recorder.put(scene("left", at_s(1.9), event("new", "b", at_s(1.7), at_s(1.9))))
    bench.recorder.put(scene("left", at_s(2.5), event("end", "b", at_s(1.7), at_s(2.5))))
    clip, pictures = one(bench)
    assert numbers(pictures) == list(range(88))
    assert len(clip.events) == 2


def test_a_long_recording_goes_on_in_the_next_clip_without_a_gap(tmp_path: Path) -> None:
    bench = Bench(tmp_path, longest_clip_s=5)
    packets = footage(frames=400)
    bench.play(packets, [event("new", "a", at_s(1), at_s(1.2)), event("end", "a", at_s(1), at_s(14))])
    clips = bench.stop()
    assert [numbers(decoded(video)) for video in bench.videos()] == [list(range(125)), list(range(125, 250)), list(range(250, 375))]
    assert [(clip.segment, clip.reason) for clip in clips] == [(0, "longest clip"), (1, "longest clip"), (2, "end of event")]
    assert {cause.id for clip in clips for cause in clip.events} == {event_id("a")}
    assert len({clip.id for clip in clips}) == 3


def away(packets: tuple[Packet, ...], seconds: float) -> tuple[Packet, ...]:
    """The same camera after it was away: times go on later."""
    return tuple(replace(p, pts_ns=p.pts_ns + round(seconds * 1e9), dts_ns=p.dts_ns + round(seconds * 1e9)) for p in packets)


def test_a_reconnect_is_a_hole_in_the_clip(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    before, after = footage()[:60], away(footage(first=60, epoch=1), 4)
    bench.play(before, [event("new", "a", at_s(1), at_s(1.2))])
    bench.play(after, [event("end", "a", at_s(1), at_s(5))])
    clip, pictures = one(bench)
    assert numbers(pictures) == [*range(60), *range(60, 110)]
    (hole,) = clip.holes
    assert (hole.reason, hole.after_frame, hole.packets) == ("reconnect", 59, None)
    assert (hole.from_pts_ns, hole.until_pts_ns) == (at_s(2.4), at_s(4))
    assert [clip.origin_pts_ns + time_us * 1000 for number, time_us in pictures if number == 60] == [at_s(4)]


def test_a_reconnect_in_another_shape_goes_on_in_another_clip(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    other = tuple(replace(p, stream=replace(p.stream, width=640, height=480)) for p in away(footage(first=60, epoch=1), 4))
    bench.play(footage()[:60], [event("new", "a", at_s(1), at_s(1.2))])
    bench.play(other, [event("end", "a", at_s(1), at_s(5))])
    clips = bench.stop()
    assert [(clip.segment, clip.reason, clip.frames) for clip in clips] == [(0, "stream changed", 60), (1, "end of event", 50)]


def test_pictures_before_the_first_key_frame_of_a_reconnect_are_left_out(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.play(footage()[:60], [event("new", "a", at_s(1), at_s(1.2))])
    bench.play(away(footage(first=60, epoch=1), 4)[5:], [event("end", "a", at_s(1), at_s(6))])
    _, pictures = one(bench)
    assert numbers(pictures) == [*range(60), *range(85, 135)]


def test_a_recorder_that_comes_too_late_says_what_is_missing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ring_s=2)
    packets = footage(frames=300)
    bench.play(packets[:50], [event("new", "a", at_s(0.5), at_s(0.8))])
    for packet in packets[50:200]:  # the disk stands still
        bench.rings["left"].append(packet)
    bench.play(packets[200:], [event("end", "a", at_s(0.5), at_s(9))])
    clip, pictures = one(bench)
    (hole,) = clip.holes
    assert (hole.reason, hole.after_frame) == ("skipped", 49)
    resumed = 50 + (hole.packets or 0)
    assert hole.packets and resumed % 25 == 0
    assert numbers(pictures) == [*range(50), *range(resumed, 250)]
    assert bench.tally.get("left", "not_kept", "recorder_late") == hole.packets


def test_a_pre_roll_the_ring_does_not_hold_is_admitted(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ring_s=1, pre_roll_ms=4000)
    bench.play(footage(), [event("new", "a", at_s(4.5), at_s(4.6)), event("end", "a", at_s(4.5), at_s(4.8))])
    clip, pictures = one(bench)
    assert clip.pre_roll_asked_ms == 4000 and clip.pre_roll_ms == 4500 - pictures[0][0] * 40 < 4000


def test_two_cameras_record_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, cameras=("left", "right"))
    left, right = footage(camera="left"), footage("hevc", camera="right", gop=10)
    both = [packet for pair in zip(left, right, strict=True) for packet in pair]
    told = [event(life, name, at_s(2), at_s(t), camera=name) for name in ("left", "right") for life, t in (("new", 2.2), ("end", 3))]
    bench.play(both, told)
    clips = {clip.camera: clip for clip in bench.stop()}
    assert (clips["left"].codec, clips["right"].codec) == ("h264", "hevc")
    assert [numbers(decoded(video)) for video in bench.videos()] == [list(range(25, 100)), list(range(20, 100))]


@pytest.mark.parametrize("camera", ["../../etc", "/etc/x", "..", ".", "a/b", "x" * 400, "a\nb", "\u202ecam", ""])
def test_a_hostile_camera_name_stays_in_the_folder(tmp_path: Path, camera: str) -> None:
    data = tmp_path / "inner" / "data"
    bench = Bench(data, cameras=(camera,))
    packets = tuple(replace(p, stream=replace(p.stream, camera=camera)) for p in footage())
    bench.play(packets, [event("new", "a", at_s(2), at_s(2.2), camera), event("end", "a", at_s(2), at_s(3), camera)])
    clip, _ = one(bench)
    assert clip.camera == camera
    assert [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(data / "clips")] == []
    assert len(bench.videos()[0].relative_to(data).parts) == 4


def test_stopping_closes_what_is_open_and_says_why(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.play(footage()[:80], [event("new", "a", at_s(2), at_s(2.2))])
    clip, pictures = one(bench)
    assert numbers(pictures) == list(range(25, 80))
    assert (clip.reason, clip.post_roll_ms, clip.state) == ("stopped", None, "complete")


def test_an_event_of_a_camera_nobody_records_changes_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.recorder.put(scene("other", at_s(1), event("new", "a", at_s(1), at_s(1), "other")))
    assert not bench.recorder.step()
    assert bench.stop() == []


def test_when_its_channel_is_full_messages_are_counted_and_no_clip_runs_for_ever(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.play(footage()[:60], [event("new", "a", at_s(1), at_s(1.2))])
    bench.recorder.put(scene("left", at_s(2.4), event("end", "a", at_s(1), at_s(2.4))))
    flood = [event("new", f"n{n}", at_s(2.4), at_s(2.4), camera="other") for n in range(300)]
    bench.recorder.put(scene("other", at_s(2.4), *flood))  # the recorder has not come round since
    assert bench.tally.get("left", "not_kept", "recorder_end") == 1
    assert bench.tally.get("other", "not_kept", "recorder_new") == 44
    bench.play(footage()[60:])
    clip, _ = one(bench)
    assert (clip.reason, clip.last_frame) == ("end of event", 84)


def test_a_clip_is_closed_although_analysis_has_gone_to_sleep(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.play(footage()[:26], [event("new", "a", at_s(0.6), at_s(0.8)), event("end", "a", at_s(0.6), at_s(1))])
    for packet in footage()[26:]:
        bench.rings["left"].append(packet)  # the gate lets nothing through: the mark stands still
    bench.recorder.step()
    bench.clock.now_ns += 1_900_000_000
    bench.recorder.step()
    assert bench.clips == []
    bench.clock.now_ns += 200_000_000
    bench.recorder.step()
    assert [clip.frames for clip in bench.clips] == [50]


def test_a_disk_that_stands_still_stalls_neither_capture_nor_analysis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, go_on = threading.Event(), threading.Event()
    write = os.write

    def slow(handle: int, data: bytes) -> int:
        reached.set()
        assert go_on.wait(60)
        return write(handle, data)

    bench = Bench(tmp_path, ring_s=3)
    monkeypatch.setattr(os, "write", slow)
    worker = threading.Thread(target=bench.recorder.run, args=(lambda: None,))
    worker.start()
    for packet in footage(frames=400)[:60]:
        bench.rings["left"].append(packet)
    bench.recorder.put(scene("left", at_s(2.2), event("new", "a", at_s(2), at_s(2.2))))
    assert reached.wait(60)
    for packet in footage(frames=400)[60:]:  # this thread is capture and analysis: it would stand here for ever
        bench.rings["left"].append(packet)
        bench.recorder.put(scene("left", packet.pts_ns))
    bench.recorder.put(scene("left", at_s(16), event("end", "a", at_s(2), at_s(16))))
    go_on.set()
    clips = bench.stop_worker(worker)
    (clip,), (hole,) = clips, clips[0].holes
    assert hole.reason == "skipped" and clip.last_frame == 399
    assert bench.tally.get("left", "not_kept", "recorder_late") == hole.packets


def replayed(data: Path, ahead_s: float) -> dict[str, bytes]:
    """A file, read and analysed by threads of their own, analysis up to `ahead_s` behind. An end is told as `confirm` does: with the
    time of the last sight, a second later."""
    bench = Bench(data, lossless=True, ring_s=6)
    packets, ring = footage(frames=400, variable=True, b_frames=2), bench.rings["left"]
    told = [
        event("new", "a", at_s(2), at_s(2.4)), event("end", "a", at_s(2), at_s(3)), event("new", "b", at_s(3.9), at_s(3.98)),
        event("end", "b", at_s(3.9), at_s(4.5)), event("new", "c", at_s(9), at_s(9.2)),
    ]  # fmt: skip
    frames = threading.Semaphore(max(1, int(ahead_s * 25)))
    ready = threading.Semaphore(0)

    def capture() -> None:
        for packet in packets:
            frames.acquire()
            ring.append(packet)
            ready.release()
        ring.close()

    def analyse() -> None:
        waiting = list(told)
        for packet in packets:
            ready.acquire()
            due = [e for e in waiting if e.pts_ns + (e.life == "end") * 1_000_000_000 <= packet.dts_ns]
            waiting = [e for e in waiting if e not in due]
            bench.recorder.put(scene("left", packet.dts_ns, *due))
            frames.release()
        bench.recorder.put(scene("left", at_s(16), event("end", "c", at_s(9), at_s(16))))
        bench.recorder.close()

    threads = [threading.Thread(target=target) for target in (capture, analyse, lambda: bench.recorder.run(lambda: None))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return {str(path.relative_to(data)): path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file()}


def test_the_same_file_gives_the_same_clips_byte_for_byte_however_far_analysis_lags(tmp_path: Path) -> None:
    runs = [replayed(tmp_path / str(n), ahead_s) for n, ahead_s in enumerate((0.1, 1.0, 1.9))]
    assert len(runs[0]) == 4
    assert list(runs[0]) == list(runs[1]) == list(runs[2])
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize("turn", [1, 9, 37])
def test_an_end_that_is_told_late_gives_a_files_clip_the_same_length_however_often_the_recorder_gets_its_turn(
    tmp_path: Path, turn: int
) -> None:
    bench = Bench(tmp_path, lossless=True)
    begin, end = event("new", "a", at_s(2), at_s(2.2)), event("end", "a", at_s(2), at_s(3))
    for n, packet in enumerate(footage()):
        bench.rings["left"].append(packet)
        told = {at_s(2.2): (begin,), at_s(5.2): (end,)}.get(packet.pts_ns, ())
        bench.recorder.put(scene("left", packet.pts_ns, *told))
        if n % turn == 0:
            bench.recorder.step()
    clip, pictures = one(bench)
    assert (clip.first_frame, clip.last_frame) == (25, 129), "up to the picture at which the end was known"
    assert len(pictures) == clip.frames == 105
    assert (clip.post_roll_asked_ms, clip.post_roll_ms, clip.reason) == (1000, 2200, "end of event")
