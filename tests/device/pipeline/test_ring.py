"""PacketRing: bounds, whole groups of pictures, readers that fall out and readers that may not."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.pipeline.channel import Closed
from device.pipeline.ring import PacketRing
from tests.device.capture.fakes import MS, packet


def filled(seconds: float, count: int, gop: int = 5, **options: int) -> PacketRing:
    ring = PacketRing(seconds, **options)
    for n in range(count):
        ring.append(packet(n, n * 100, key=n % gop == 0))
    return ring


def drain(ring: PacketRing, from_ms: int = 0) -> list[int]:
    ring.close()
    return [p.seq for p in ring.reader(from_pts_ns=from_ms * MS).each()]


def test_it_keeps_its_seconds_and_begins_at_a_key_frame() -> None:
    held = drain(filled(1.0, 33))
    assert held == list(range(20, 33))  # group 25 alone would hold less than a second


def test_nothing_is_kept_before_the_first_key_frame() -> None:
    ring = PacketRing(10)
    for n in range(4):
        ring.append(packet(n, n, key=n == 2))
    assert drain(ring) == [2, 3]


def test_too_many_bytes_cost_the_oldest_groups() -> None:
    held = drain(filled(100, 30, max_bytes=1200))
    assert held == list(range(20, 30))


def test_a_group_larger_than_the_ring_is_given_up_whole_and_the_next_key_frame_begins_anew() -> None:
    ring = PacketRing(100, max_bytes=450)
    for n in range(7):
        ring.append(packet(n, n * 100, key=n in {0, 6}))
    assert ring.size_bytes() == 100
    assert drain(ring) == [6]


def test_a_reader_begins_at_the_key_frame_before_the_time_asked() -> None:
    ring = filled(100, 30)
    assert ring.reader(from_pts_ns=1250 * MS).get().seq == 10
    assert ring.reader(from_pts_ns=-5).get().seq == 0
    with pytest.raises(TimeoutError):
        ring.reader().get(0)


def test_a_reader_that_fell_out_goes_on_at_the_oldest_key_frame_and_knows_what_it_missed() -> None:
    ring = filled(1.0, 1)
    reader = ring.reader(from_pts_ns=0)
    for n in range(1, 33):
        ring.append(packet(n, n * 100, key=n % 5 == 0))
    assert reader.get().seq == 20
    assert reader.skipped == 20


@pytest.mark.parametrize("options", [{"lead_ns": 500 * MS}, {"max_bytes": 600}])
def test_a_lossless_reader_holds_the_writer_back_and_loses_nothing(options: dict[str, int]) -> None:
    ring = PacketRing(1.0, **options)
    reader = ring.reader(lossless=True)
    most = 0

    def write() -> None:
        for n in range(200):
            ring.append(packet(n, n * 100, key=n % 5 == 0))
        ring.close()

    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    for p in reader.each():
        most = max(most, ring.size_bytes())
        seen.append(p.seq)
    writer.join(5)
    assert seen == list(range(200))
    assert reader.skipped == 0
    assert most <= 2100


def test_closing_a_lossless_reader_lets_the_writer_go_on() -> None:
    ring = PacketRing(10, lead_ns=0)
    reader = ring.reader(lossless=True)
    ring.append(packet(0, 0, key=True))
    held = threading.Thread(target=lambda: ring.append(packet(1, 1000)))
    held.start()
    reader.close()
    held.join(5)
    assert not held.is_alive()
    assert ring.newest() is not None and ring.newest().seq == 1  # type: ignore[union-attr]


def test_closing_the_ring_wakes_a_held_writer() -> None:
    ring = PacketRing(10, lead_ns=0)
    ring.reader(lossless=True)
    ring.append(packet(0, 0, key=True))
    raised: list[type] = []

    def write() -> None:
        try:
            ring.append(packet(1, 1000))
        except Closed:
            raised.append(Closed)

    held = threading.Thread(target=write)
    held.start()
    ring.close()
    held.join(5)
    assert raised == [Closed]


def test_appending_does_not_grow_dearer_with_what_is_held() -> None:
    def cost(gop: int) -> float:
        ring = PacketRing(1e9, max_bytes=1 << 40)
        packets = [packet(n, n, key=n % gop == 0) for n in range(6000)]
        before = time.process_time()
        for p in packets:
            ring.append(p)
        return time.process_time() - before

    assert cost(3000) < 10 * cost(2) + 0.05  # scanning for the second key frame made the long group cost a hundred times more


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 400), st.integers(1, 90)), max_size=80), st.integers(100, 2000))
def test_what_is_held_begins_with_a_key_frame_and_fits(steps: list[tuple[bool, int, int]], max_bytes: int) -> None:
    ring = PacketRing(1.0, max_bytes=max_bytes)
    at = 0
    for n, (key, step, size) in enumerate(steps):
        at += step
        ring.append(packet(n, at, key=key, size=size))
        oldest = ring._at(ring._first)
        assert oldest is None or oldest.key
        assert ring.size_bytes() == sum(len(p.data) for p in ring._packets) <= max_bytes
        assert [number - ring._first for number in ring._keys] == [i for i, p in enumerate(ring._packets) if p.key]
        last = next((p for p in reversed(ring._packets) if p.key), None)
        assert ring.last_key() is last


def test_a_reader_at_leisure_sleeps_until_a_key_frame_and_then_gets_all() -> None:
    ring = filled(10, 1)
    reader = ring.reader()
    got: list[int] = []
    waiting, first = threading.Event(), threading.Event()

    def read() -> None:
        waiting.set()
        got.append(reader.get(timeout_s=30, at_leisure=True).seq)
        first.set()

    reading = threading.Thread(target=read)
    reading.start()
    assert waiting.wait(5)
    while not ring._key_came._waiters:  # type: ignore[attr-defined]  # until it really sleeps
        time.sleep(0.001)
    ring.append(packet(1, 100))
    ring.append(packet(2, 200))
    assert not first.wait(0.2)
    ring.append(packet(3, 300, key=True))
    assert first.wait(5)
    reading.join(5)
    assert got == [1]
    assert [reader.get(at_leisure=True).seq for _ in range(2)] == [2, 3]


def test_a_reader_at_leisure_waits_no_longer_than_told_and_is_woken_by_the_end() -> None:
    ring = filled(10, 1)
    reader = ring.reader()
    with pytest.raises(TimeoutError):
        reader.get(timeout_s=0.01, at_leisure=True)
    ring.append(packet(1, 100))
    assert reader.get(timeout_s=0.01, at_leisure=True).seq == 1
    ended: list[type] = []

    def read() -> None:
        try:
            reader.get(timeout_s=30, at_leisure=True)
        except Closed:
            ended.append(Closed)

    reading = threading.Thread(target=read)
    reading.start()
    ring.close()
    reading.join(5)
    assert ended == [Closed]
