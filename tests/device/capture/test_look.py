"""Look: what is decoded, what goes on and what is counted; the same for a file and a live camera."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from device.capture.file import FileSource
from device.capture.look import Look
from device.pipeline.channel import Closed, LatestFrames
from device.pipeline.packets import Packet, StreamInfo
from device.pipeline.protocols import EndOfStream, Gate
from device.pipeline.ring import PacketRing
from tests.device.capture.fakes import CLOCK, MS, SECOND, BoxGate, Collector, Rig, even, film, number_in
from vision.types import Frame

Fates = list[tuple[int, str]]


def packets_of(path: Path) -> list[Packet]:
    return list(FileSource("left", FileSource.Options(path=path), CLOCK).packets())


def still(_ms: int) -> bool:
    return False


def burst(ms: int) -> bool:
    return 3300 <= ms < 4500


@dataclass
class Run:
    rig: Rig
    inbox: Collector
    fates: Fates

    def passed(self) -> list[int]:
        return [frame.pts_ns // MS for frame in self.inbox.frames()]

    def counts(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for (_, what, reason), n in self.rig.tally.counts().items():
            total[f"{what} {reason}".strip()] += n
        return dict(total)


def look_at(packets: list[Packet], gate: Gate | None, *, live: bool = False, fps: float = 10, **options: float) -> Run:
    """The worker over packets that are all in the ring, in this thread."""
    run = Run(Rig(PacketRing(3600, max_bytes=1 << 30, lead_ns=1 << 62)), Collector(), [])
    look = make(run, gate, live, fps, **options)
    for packet in packets:
        run.rig.ring.append(packet)
    run.rig.ring.close()
    look.run(lambda: None)
    return run


def make(run: Run, gate: Gate | None, live: bool, fps: float = 10, inbox: object = None, **options: float) -> Look:
    return Look(
        "left",
        Look.Options(detection_fps=fps, **{"behind_s": 600, **options}),
        run.rig.ring,
        inbox or run.inbox,  # type: ignore[arg-type]
        live=live,
        gate=gate,
        board=run.rig.board,
        tally=run.rig.tally,
        clock=CLOCK,
        stopping=threading.Event(),
        on_fate=lambda pts, fate: run.fates.append((pts // MS, fate)),
    )


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("bframes", [0, 2])
def test_without_a_gate_every_sample_goes_on(tmp_path: Path, bframes: int, live: bool) -> None:
    run = look_at(packets_of(film(tmp_path / "film.mkv", even(100), bframes=bframes)), None, live=live, fps=5)
    assert run.passed() == list(range(0, 4000, 200))
    assert [number_in(f) for f in run.inbox.frames()] == [ms // 40 for ms in run.passed()]
    assert run.counts()["offered"] == 20
    assert isinstance(run.inbox.items[-1], EndOfStream)
    assert run.inbox.items[-1].reason == "end of file"
    assert run.rig.board.cameras()["left"].gate == "off"


def test_what_is_hidden_is_painted_before_analysis_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hides = (((0.0, 0.5), (1.0, 0.5), (1.0, 1.0)),)
    path = film(tmp_path / "a.mkv", even(20))
    painting: list[str] = []
    monkeypatch.setattr("device.capture.planes.painted", lambda picture, *_: painting.append("painted") or picture)
    source = FileSource("left", FileSource.Options(path=path), CLOCK)
    source.hide(hides)
    run = look_at(list(source.packets()), None)
    assert len(painting) == len(run.inbox.frames()) > 5, "once each, by who looks"


def test_a_still_camera_is_looked_at_on_key_frames_only_and_the_rest_is_counted_as_gated(tmp_path: Path) -> None:
    packets = packets_of(film(tmp_path / "film.mkv", even(250)))
    gate = BoxGate()
    run = look_at(packets, gate)
    assert run.passed() == []
    assert [ms // MS for ms in gate.seen if ms < 9 * SECOND + MS] == list(range(0, 9001, 1000))
    assert run.counts()["offered"] == run.counts()["gated"] == 100
    decoded = run.rig.tally.percentiles()["left", "decode"].count
    assert decoded <= 25  # the last group only, which no key frame closes


@pytest.mark.parametrize("bframes", [0, 2])
def test_when_something_moves_nothing_is_missed_back_to_the_key_frame_watched_before(tmp_path: Path, bframes: int) -> None:
    path = film(tmp_path / "film.mkv", even(250), bframes=bframes, moving=burst)
    run = look_at(packets_of(path), BoxGate())
    passed = run.passed()
    assert passed[0] == 3000  # seen at 4000, moving since 3300
    assert all(80 <= b - a <= 120 for a, b in itertools.pairwise(passed))
    assert 4400 + 600 <= passed[-1] <= 4500 + 600 + 200
    assert [number_in(f) for f in run.inbox.frames()] == [ms // 40 for ms in passed]
    counts = run.counts()
    assert counts["offered"] == len(passed) + counts["gated"] == 100


def test_motion_that_ends_between_two_looks_is_not_seen_but_what_lasts_over_a_key_frame_is(tmp_path: Path) -> None:
    """The stated limit of watching key frames; watch_interval and the camera's key frames decide it."""
    short = film(tmp_path / "short.mkv", even(100), moving=lambda ms: 1100 <= ms < 1500)
    across = film(tmp_path / "across.mkv", even(100), moving=lambda ms: 1700 <= ms < 2100)
    assert look_at(packets_of(short), BoxGate()).passed() == []
    assert look_at(packets_of(across), BoxGate()).passed()[0] == 1000


@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize("gop", [1, 10, 25, 1000])
def test_a_file_and_a_live_camera_take_the_same_samples(tmp_path: Path, gop: int, bframes: int) -> None:
    """The same packets, all at once through a lossless reader or one by one as they come."""
    packets = packets_of(film(tmp_path / "film.mkv", even(250), gop=gop, bframes=bframes if gop > 1 else 0, moving=burst))
    whole = look_at(packets, BoxGate())
    live = Run(Rig(), Collector(), [])
    look = make(live, BoxGate(), live=True)
    worker = threading.Thread(target=look.run, args=(lambda: None,))
    worker.start()
    for packet in packets:
        live.rig.ring.append(packet)
    live.rig.ring.close()
    worker.join(60)
    assert live.fates == whole.fates
    assert live.passed() == whole.passed()
    assert Counter(fate for _, fate in whole.fates)["passed"] >= 12
    assert len(whole.fates) == whole.counts()["offered"] == 100


def test_key_frames_that_are_too_far_apart_are_not_enough_and_everything_is_decoded(tmp_path: Path) -> None:
    run = look_at(packets_of(film(tmp_path / "film.mkv", even(250), gop=1000, moving=burst)), BoxGate())
    passed = run.passed()
    assert passed[0] in {3300, 3320, 3360, 3400}  # the first sample in which something moves: every sample is judged
    assert run.counts()["offered"] == len(passed) + run.counts()["gated"] == 100
    assert run.rig.board.cameras()["left"].gate == "watching"


def test_when_key_frames_come_often_again_only_they_are_watched(tmp_path: Path) -> None:
    packets = packets_of(film(tmp_path / "film.mkv", even(250), gop=1000))
    often = packets_of(film(tmp_path / "often.mkv", even(100), gop=25))
    shift = packets[-1].pts_ns + 40 * MS
    other = replace(often[0].stream, epoch=1)
    later = [replace(p, stream=other, pts_ns=p.pts_ns + shift, dts_ns=p.dts_ns + shift, seq=p.seq + 250) for p in often]
    run = look_at(packets + later, BoxGate())
    assert run.counts() == {**run.counts(), "offered": 140, "gated": 140}
    assert run.rig.tally.percentiles()["left", "decode"].count < 250 + 40


def test_an_all_intra_camera_is_looked_at_once_an_interval(tmp_path: Path) -> None:
    packets = packets_of(film(tmp_path / "film.avi", even(250), codec="mjpeg", pix_fmt="yuvj420p", moving=burst))
    gate = BoxGate()
    run = look_at(packets, gate)
    assert run.passed()[0] == 2520  # looked at at 0, 840, ... 2520 and at 3360, where something had moved
    assert len([ns for ns in gate.seen if ns < 3 * SECOND]) == 4
    assert run.counts()["offered"] == len(run.passed()) + run.counts()["gated"]


@pytest.mark.parametrize("where", ["key", "middle"])
def test_broken_packets_are_counted_and_left_behind_at_the_next_key_frame(tmp_path: Path, where: str) -> None:
    packets = packets_of(film(tmp_path / "film.mkv", even(100)))
    bad = {"key": range(25, 26), "middle": range(30, 40)}[where]
    packets = [replace(p, data=b"\x00\x00\x00\x01" + bytes([p.data[4]]) + b"\xff" * 40) if p.seq in bad else p for p in packets]
    run = look_at(packets, None)
    counts = run.counts()
    assert counts["broken"] > 0
    assert counts["offered"] == len(run.passed()) + counts.get("dropped broken", 0) == 40
    assert [number_in(f) for f in run.inbox.frames()] == [ms // 40 for ms in run.passed()]
    assert set(range(2000, 4000, 200)) <= set(run.passed())


def test_a_decoder_that_gives_nothing_is_noticed_and_shown(tmp_path: Path) -> None:
    packets = packets_of(film(tmp_path / "film.mkv", even(260), gop=10))
    blind = [replace(p, data=b"\x00\x00\x00\x01\x09\xf0") for p in packets]
    run = look_at(blind, None)
    assert "give no picture" in run.rig.board.cameras()["left"].reason
    assert run.counts()["offered"] == run.counts()["dropped broken"] == 104


def test_a_reconnect_in_the_middle_of_a_group_is_another_stream_and_loses_no_sample(tmp_path: Path) -> None:
    packets = packets_of(film(tmp_path / "film.mkv", even(60)))
    other = replace(packets[0].stream, epoch=1)
    again = [replace(p, stream=other, seq=p.seq + 60, pts_ns=p.pts_ns + 5 * SECOND, dts_ns=p.dts_ns + 5 * SECOND) for p in packets]
    run = look_at(packets + again, None, fps=0)
    assert [number_in(f) for f in run.inbox.frames()] == [*range(60), *range(60)]
    assert run.counts()["offered"] == 120


class Busy:
    """A live inbox whose reader takes a frame only when it is told to."""

    def __init__(self, run: Run) -> None:
        self.frames = LatestFrames(lambda f: run.rig.tally.count(f.camera, "dropped", "overwritten"))
        self.run = run

    def put(self, item: Frame | EndOfStream, wait: bool = False) -> bool:
        return self.frames.put(item, wait)

    def analyse(self, between: Callable[[], None] = lambda: None) -> list[int]:
        """As the analysis worker: takes, counts; until the end of the stream."""
        taken = []
        while True:
            between()
            try:
                item = self.frames.get(10)
            except Closed:
                return taken
            if isinstance(item, EndOfStream):
                return taken
            taken.append(item.pts_ns // MS)
            self.run.rig.tally.count(item.camera, "analysed")


def settled(run: Run) -> None:
    get = run.rig.tally.get
    assert get("left", "offered") == get("left", "analysed") + get("left", "gated") + get("left", "dropped")


def test_a_live_cameras_newest_sample_wins_and_every_other_is_counted(tmp_path: Path) -> None:
    packets = packets_of(film(tmp_path / "film.mkv", even(100)))
    run = Run(Rig(), Collector(), [])
    busy = Busy(run)
    look = make(run, None, live=True, inbox=busy)
    for packet in packets:
        run.rig.ring.append(packet)
    run.rig.ring.close()
    look.run(lambda: None)
    assert busy.analyse() == [3920]
    assert run.counts() == {"offered": 40, "dropped overwritten": 39, "analysed": 1}
    settled(run)


def test_a_camera_in_which_nothing_moves_is_seen_to_be_alive(tmp_path: Path) -> None:
    packets = packets_of(film(tmp_path / "a.mkv", even(150), moving=still))
    run = look_at(packets, BoxGate(still))
    assert run.passed() == [], "nothing went on"
    newest = run.rig.tally.looked_at_ns("left")
    assert newest is not None
    assert packets[-1].mono_ns - newest <= SECOND


def test_what_an_idle_camera_catches_up_on_waits_instead_of_overwriting(tmp_path: Path) -> None:
    packets = packets_of(film(tmp_path / "film.mkv", even(250), moving=burst))
    run = Run(Rig(), Collector(), [])
    busy = Busy(run)
    worker = threading.Thread(target=make(run, BoxGate(), live=True, inbox=busy).run, args=(lambda: None,))
    for packet in packets[:101]:  # up to the key frame at which motion is seen
        run.rig.ring.append(packet)
    worker.start()
    taken: list[int] = []
    while not taken or taken[-1] < 4000:
        item = busy.frames.get(10)
        assert isinstance(item, Frame)
        taken.append(item.pts_ns // MS)
        run.rig.tally.count("left", "analysed")
    assert [ms for ms in taken if 3000 <= ms <= 4000] == taken
    assert len(taken) == 11
    for packet in packets[101:]:
        run.rig.ring.append(packet)
    run.rig.ring.close()
    busy.analyse()
    worker.join(20)
    settled(run)


def test_too_far_behind_it_goes_on_at_the_newest_key_frame_and_counts_what_it_left_out(tmp_path: Path) -> None:
    packets = packets_of(film(tmp_path / "film.mkv", even(250)))
    run = Run(Rig(PacketRing(60)), Collector(), [])
    look = make(run, None, live=True, behind_s=2)
    for packet in packets:
        run.rig.ring.append(packet)
    run.rig.ring.close()
    look.run(lambda: None)
    assert run.passed()[0] == 9000
    assert len(run.passed()) == 10
    assert run.counts()["dropped behind"] == 90
    assert run.counts()["offered"] == 90 + len(run.passed())


def test_packets_that_fell_out_of_the_ring_unseen_are_counted_and_it_goes_on(tmp_path: Path) -> None:
    packets = packets_of(film(tmp_path / "film.mkv", even(250)))
    run = Run(Rig(PacketRing(2)), Collector(), [])
    look = make(run, None, live=True)
    for packet in packets:
        run.rig.ring.append(packet)
    run.rig.ring.close()
    look.run(lambda: None)
    assert run.counts()["packets_lost ring"] == packets.index(next(p for p in packets if p.pts_ns // MS == run.passed()[0]))
    assert run.counts()["offered"] == len(run.passed())


def test_samples_that_find_the_inbox_closed_are_counted_as_stopped(tmp_path: Path) -> None:
    packets = packets_of(film(tmp_path / "film.mkv", even(100), bframes=2))
    run = Run(Rig(), Collector(), [])
    busy = Busy(run)
    look = make(run, None, live=True, inbox=busy)
    busy.frames.close()
    for packet in packets:
        run.rig.ring.append(packet)
    run.rig.ring.close()
    look.run(lambda: None)
    assert run.counts()["dropped stopped"] >= 1
    settled(run)


def test_a_file_that_gives_nothing_still_ends() -> None:
    run = look_at([], None)
    assert [type(item) for item in run.inbox.items] == [EndOfStream]


def test_a_stream_that_changes_its_size_goes_on(tmp_path: Path) -> None:
    small = packets_of(film(tmp_path / "small.mkv", even(20)))
    large = packets_of(film(tmp_path / "large.mkv", even(20), size=(640, 360)))
    stream: StreamInfo = replace(large[0].stream, epoch=1)
    moved = [replace(p, stream=stream, seq=p.seq + 20, pts_ns=p.pts_ns + SECOND, dts_ns=p.dts_ns + SECOND) for p in large]
    run = look_at(small + moved, None, fps=0)
    assert [f.planes.width for f in run.inbox.frames()] == [320] * 20 + [640] * 20
