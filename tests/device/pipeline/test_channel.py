"""Channel and LatestFrames: what happens when they are full, and that every loss is counted."""

from __future__ import annotations

import threading

import pytest

from device.pipeline.channel import Channel, Closed, LatestFrames
from device.pipeline.passage import NoPlanes
from device.pipeline.protocols import EndOfStream
from vision.types import Frame


def frame(camera: str, seq: int) -> Frame:
    return Frame(camera, seq, seq, seq, seq, NoPlanes())


def end(camera: str) -> EndOfStream:
    return EndOfStream(camera, 0, 0, 0, "end of file")


def test_a_full_channel_that_drops_gives_up_the_oldest_and_says_which() -> None:
    lost: list[int] = []
    channel: Channel[int] = Channel(2, "drop_oldest", lost.append)
    for n in range(5):
        channel.put(n)
    assert lost == [0, 1, 2]
    assert channel.dropped == 3
    assert [channel.get(), channel.get()] == [3, 4]


def test_a_full_channel_that_blocks_waits_for_room() -> None:
    channel: Channel[int] = Channel(1, "block")
    channel.put(1)
    writer = threading.Thread(target=lambda: channel.put(2))
    writer.start()
    assert [channel.get(5), channel.get(5)] == [1, 2]
    writer.join(5)
    assert channel.dropped == 0


def test_a_channel_that_drops_waits_when_it_is_asked_to() -> None:
    channel: Channel[int] = Channel(1, "drop_oldest")
    channel.put(1)
    writer = threading.Thread(target=lambda: channel.put(2, wait=True))
    writer.start()
    assert [channel.get(5), channel.get(5)] == [1, 2]
    writer.join(5)


def test_a_closed_channel_gives_what_it_holds_and_then_ends() -> None:
    channel: Channel[int] = Channel(4, "block")
    channel.put(1)
    channel.close()
    assert list(channel.each()) == [1]
    with pytest.raises(Closed):
        channel.put(2)


def test_closing_wakes_whoever_waits_for_room() -> None:
    channel: Channel[int] = Channel(1, "block")
    channel.put(1)
    raised = threading.Event()

    def write() -> None:
        try:
            channel.put(2)
        except Closed:
            raised.set()

    threading.Thread(target=write).start()
    channel.close()
    assert raised.wait(5)


def test_waiting_for_an_item_ticks() -> None:
    channel: Channel[int] = Channel(1, "block")
    ticks = threading.Event()
    ended = threading.Event()

    def read() -> None:
        for _ in channel.each(ticks.set):
            pass
        ended.set()

    threading.Thread(target=read).start()
    assert ticks.wait(5)
    channel.close()
    assert ended.wait(5)


def test_the_newest_frame_of_a_camera_wins_and_the_older_is_counted() -> None:
    lost: list[int] = []
    frames = LatestFrames(lambda f: lost.append(f.seq))
    for seq in range(3):
        frames.put(frame("left", seq))
    taken = frames.get(0)
    assert isinstance(taken, Frame) and taken.seq == 2
    assert lost == [0, 1]
    assert frames.dropped == 2


def test_where_frames_may_wait_so_many_do_and_the_oldest_is_given_up() -> None:
    lost: list[int] = []
    frames = LatestFrames(lambda f: lost.append(f.seq), {"left": 3})
    for seq in range(5):
        frames.put(frame("left", seq))
        frames.put(frame("right", seq))
    frames.put(end("left"))
    frames.close()
    taken = [frames.get(0) for _ in range(5)]
    assert [(f.camera, f.seq) for f in taken if isinstance(f, Frame)] == [("left", 2), ("right", 4), ("left", 3), ("left", 4)]
    assert isinstance(taken[-1], EndOfStream), "behind the last of its frames"
    assert sorted(lost) == [0, 0, 1, 1, 2, 3] and frames.dropped == 6


def test_a_fast_camera_does_not_starve_a_slow_one() -> None:
    frames = LatestFrames()
    frames.put(frame("fast", 0))
    frames.put(frame("slow", 0))
    frames.put(frame("fast", 1))
    first, second = frames.get(0), frames.get(0)
    assert [first.camera, second.camera] == ["fast", "slow"]


def test_a_frame_that_must_not_be_lost_waits_until_the_one_before_it_is_taken() -> None:
    frames = LatestFrames()
    frames.put(frame("left", 0))
    writer = threading.Thread(target=lambda: frames.put(frame("left", 1), wait=True))
    writer.start()
    taken = [frames.get(5), frames.get(5)]
    writer.join(5)
    assert [f.seq for f in taken if isinstance(f, Frame)] == [0, 1]
    assert frames.dropped == 0


def test_the_end_of_a_camera_comes_after_its_last_frame_and_is_not_kept_waiting_by_others() -> None:
    frames = LatestFrames()
    frames.put(frame("left", 0))
    frames.put(end("left"))
    frames.put(frame("right", 0))
    assert isinstance(frames.get(0), Frame)
    frames.put(frame("right", 1))
    assert isinstance(frames.get(0), EndOfStream)
    assert isinstance(frames.get(0), Frame)


def test_what_is_refused_because_it_is_closed_is_not_kept() -> None:
    frames = LatestFrames()
    frames.close()
    with pytest.raises(Closed):
        frames.put(frame("left", 0))
    with pytest.raises(Closed):
        frames.get(0)
