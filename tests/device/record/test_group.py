"""One recording on several cameras: clips that share a group, by event and by command."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from contracts.clip import group_id
from contracts.errors import ConfigError, StorageError
from device.record.command import record
from device.record.options import RecordOptions
from device.record.when import EventTrigger
from tests.device.record.fakes import Bench, scene
from tests.device.record.footage import at_s, decoded, event, event_id, footage, numbers

SHIFT_NS = 777_000_000_000  # the right camera's media time began long before


def two(seconds: int = 6) -> list[Any]:
    """Two cameras whose media times have nothing to do with each other; capture times go together."""
    left = footage(camera="left", frames=seconds * 25)
    right = footage("hevc", camera="right", gop=10, frames=seconds * 25)
    other = [replace(p, pts_ns=p.pts_ns + SHIFT_NS, dts_ns=p.dts_ns + SHIFT_NS) for p in right]
    return [packet for pair in zip(left, other, strict=True) for packet in pair]


def played(bench: Bench, packets: list[Any], events: list[Any]) -> None:
    """By capture time, as threads would."""
    waiting = list(events)
    for packet in packets:
        bench.rings[packet.camera].append(packet)
        bench.clock.now_ns = max(bench.clock.now_ns, packet.mono_ns)
        due = [e for e in waiting if e.camera == packet.camera and e.pts_ns <= packet.pts_ns]
        waiting = [e for e in waiting if e not in due]
        bench.recorder.put(seen(packet, due))
        bench.recorder.step()


def seen(packet: Any, due: list[Any]) -> Any:
    found = scene(packet.camera, packet.pts_ns, *due)
    return replace(found, frame=replace(found.frame, mono_ns=packet.mono_ns, wall_ns=packet.wall_ns))


@pytest.mark.parametrize("cameras", ["all", ["right"]])
def test_an_event_records_the_other_cameras_too_at_the_same_time(tmp_path: Path, cameras: Any) -> None:
    bench = Bench(tmp_path, cameras=("left", "right", "dead"), when={"events": {"cameras": cameras}})
    played(bench, two(), [event("new", "a", at_s(2), at_s(2.2)), event("end", "a", at_s(2), at_s(3))])
    clips = {clip.camera: clip for clip in bench.stop()}
    assert set(clips) == {"left", "right"}
    assert {clip.group for clip in clips.values()} == {group_id(str(event_id("a")))}
    assert {cause.id for clip in clips.values() for cause in clip.events} == {event_id("a")}
    assert clips["left"].id != clips["right"].id
    assert [numbers(decoded(video)) for video in bench.videos()] == [list(range(25, 100)), list(range(20, 100))]
    assert (clips["left"].pre_roll_ms, clips["right"].pre_roll_ms) == (1000, 1200)
    assert {clip.post_roll_ms for clip in clips.values()} == {1000}
    (group,) = bench.groups
    assert (group.trigger, group.cameras) == ("event", ("left", "right"))
    assert {clip.id for clip in group.clips} == {clip.id for clip in clips.values()}


def test_an_event_that_falls_into_a_recording_joins_it_on_the_cameras_that_run_and_begins_it_on_the_others(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path, cameras=("left", "right"), cameras_other={"right": {"events": {"cameras": "own"}}}, when={"events": {"cameras": "all"}}
    )
    right = event("new", "b", at_s(1) + SHIFT_NS, at_s(1.2) + SHIFT_NS, "right")
    told = [right, event("new", "a", at_s(2), at_s(2.2)), event("end", "a", at_s(2), at_s(3))]
    played(bench, two(), [*told, event("end", "b", at_s(1) + SHIFT_NS, at_s(2.6) + SHIFT_NS, "right")])
    clips = {clip.camera: clip for clip in bench.stop()}
    a, b = group_id(str(event_id("a"))), group_id(str(event_id("b")))
    assert (clips["left"].group, clips["right"].group) == (a, b)
    assert [(cause.id, cause.group) for cause in clips["right"].events] == [(event_id("b"), None), (event_id("a"), a)]
    groups = {group.id: {clip.camera for clip in group.clips} for group in bench.groups}
    assert groups == {a: {"left", "right"}, b: {"right"}}


def test_only_events_that_are_asked_for_begin_a_recording() -> None:
    e = event("new", "a", at_s(1), at_s(1.2)).model_copy(update={"zones": ["yard"], "entered": ["yard"]})
    for wanted, other in (
        ({"labels": ["person"]}, {"labels": ["car"]}),
        ({"zones": ["yard"]}, {"zones": ["street"]}),
        ({"kinds": ["object"]}, {"kinds": ["take"]}),
    ):
        assert EventTrigger(**wanted).wants(e) and not EventTrigger(**other).wants(e)
    assert EventTrigger().wants(e)


def test_an_event_that_comes_into_the_zone_later_is_recorded_from_then_on_and_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, when={"events": {"zones": ["gate"]}})
    inside = {"zones": ["gate"], "entered": ["gate"]}
    told = [event("update", "a", at_s(1), at_s(s)).model_copy(update=inside) for s in (3, 3.4)]
    outside = [event("new", "b", at_s(1), at_s(1.2)), event("update", "b", at_s(1), at_s(3)), event("end", "b", at_s(1), at_s(4))]
    bench.play(footage(frames=175), [event("new", "a", at_s(1), at_s(1.2)), *told, *outside, event("end", "a", at_s(1), at_s(4))])
    (clip,) = bench.stop()
    assert [cause.id for cause in clip.events] == [event_id("a")]
    assert (clip.pre_roll_ms, clip.post_roll_ms) == (1000, 1000)
    assert numbers(decoded(bench.videos()[0])) == list(range(50, 125))
    assert [group.trigger for group in bench.groups] == ["event"]


def test_no_event_begins_a_recording_where_none_should(tmp_path: Path) -> None:
    bench = Bench(tmp_path, when={"events": None})
    bench.play(footage(), [event("new", "a", at_s(2), at_s(2.2)), event("end", "a", at_s(2), at_s(3))])
    assert bench.stop() == []


class Commanded:
    """A bench whose recorder runs on a thread of its own; commands come from this one."""

    def __init__(self, data: Path, **options: Any) -> None:
        self.bench = Bench(data, cameras=("left", "right"), pre_roll_ms=0, **options)
        self.worker = threading.Thread(target=self.bench.recorder.run, args=(lambda: None,))
        self.packets = two()
        self.worker.start()

    def feed(self, begin_s: float, end_s: float) -> None:
        for packet in self.packets[round(begin_s * 50) : round(end_s * 50)]:
            self.bench.rings[packet.camera].append(packet)
            self.bench.clock.now_ns = max(self.bench.clock.now_ns, packet.mono_ns)

    def tell(self, **args: Any) -> Any:
        return record(self.bench.recorder, args)


@pytest.fixture
def commanded(tmp_path: Path) -> Any:
    made: list[Commanded] = []

    def make(**options: Any) -> Commanded:
        made.append(Commanded(tmp_path, **options))
        return made[0]

    yield make
    made[0].bench.stop_worker(made[0].worker)


def test_a_command_records_until_the_other_and_answers_with_the_group(commanded: Callable[..., Commanded]) -> None:
    box = commanded()
    box.feed(0, 2)
    group = UUID(box.tell(action="start", note="the gate is open")["group"])
    box.feed(2, 4)
    assert box.tell(action="stop", group=str(group)) == {"stopped": [str(group)]}
    box.feed(4, 6)
    clips = {clip.camera: clip for clip in box.bench.stop_worker(box.worker)}
    assert {(c.group, c.trigger, c.note, c.reason) for c in clips.values()} == {(group, "command", "the gate is open", "command")}
    assert [(clips[c].first_frame, clips[c].last_frame) for c in ("left", "right")] == [(25, 99), (40, 99)]
    (done,) = box.bench.groups
    assert (done.id, done.trigger, done.note, set(done.cameras)) == (group, "command", "the gate is open", {"left", "right"})


def test_a_command_that_is_forgotten_ends_by_itself(commanded: Callable[..., Commanded]) -> None:
    box = commanded(when={"command": {"longest_s": 2}})
    box.feed(0, 1)
    box.tell(cameras=["left"], max_s=3600)
    for tenth in range(10, 60):
        box.feed(tenth / 10, tenth / 10 + 0.1)
        box.tell(action="stop", group=str(UUID(int=0)))  # the recorder has come round
    clips = box.bench.stop_worker(box.worker)
    assert [(clip.camera, clip.reason) for clip in clips] == [("left", "time limit")]
    assert 2 <= (clips[0].end_pts_ns - at_s(1)) / 1e9 <= 3.6


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"cameras": ["attic"]}, "attic: is not known; known are left, right"),
        ({"action": "pause"}, "action"),
        ({"max_s": -1}, "max_s"),
        ({"cameras": "left"}, "cameras"),
        ({"speed": 3}, "speed"),
        ({"note": "x" * 501}, "note"),
        ({"group": "../../etc"}, "group"),
    ],
)
def test_a_command_that_makes_no_sense_says_why(commanded: Callable[..., Commanded], args: dict[str, Any], words: str) -> None:
    box = commanded()
    box.feed(0, 1)
    with pytest.raises(ConfigError, match=words):
        box.tell(**args)


def test_a_camera_that_gives_nothing_is_named_and_nothing_begins(commanded: Callable[..., Commanded]) -> None:
    box = commanded()
    with pytest.raises(ConfigError, match="gives no pictures now"):
        box.tell()
    assert box.tell(action="stop") == {"stopped": []}


def test_where_commands_are_not_wanted_they_are_refused(commanded: Callable[..., Commanded]) -> None:
    box = commanded(when={"command": None})
    box.feed(0, 1)
    with pytest.raises(ConfigError, match="nothing by command"):
        box.tell()


def test_a_box_without_a_recorder_says_so() -> None:
    with pytest.raises(ConfigError, match="records nothing"):
        record(None, {})


def test_a_recorder_that_stops_leaves_nobody_waiting(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(bench.recorder.start, ["left"])
        bench.recorder.close()
        worker = threading.Thread(target=bench.recorder.run, args=(lambda: None,))
        worker.start()
        with pytest.raises((StorageError, ConfigError)):
            asked.result(30)
        worker.join(30)


def test_options_of_one_camera_win_over_those_of_all() -> None:
    options = RecordOptions.model_validate(
        {
            "audio": True,
            "when": {"continuous": True},
            "cameras": {"hall": {"audio": False, "continuous": False, "schedule": ["mon 07:00-08:00"]}},
        }
    )
    assert (options.audio_of("hall"), options.continuous_of("hall"), options.schedule_of("hall")) == (False, False, ["mon 07:00-08:00"])
    assert (options.audio_of("yard"), options.continuous_of("yard"), options.schedule_of("yard")) == (True, True, [])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cameras_other": {"yrad": {"audio": True}}}, "record.cameras.yrad: there is no camera 'yrad'; the cameras are left"),
        ({"when": {"events": {"cameras": ["attic"]}}}, "record.when.events.cameras: there is no camera 'attic'"),
    ],
)
def test_a_camera_that_there_is_not_is_said_at_the_start(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Bench(tmp_path, **options)
