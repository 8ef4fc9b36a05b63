"""Pace: bounded."""

from hypothesis import given
from hypothesis import strategies as st

from device.publish.pace import Pace


@given(st.floats(1, 1000), st.lists(st.integers(0, 50_000_000), min_size=50, max_size=300))
def test_never_more_than_its_rate_and_a_tenth_of_a_second(per_s: float, gaps_ns: list[int]) -> None:
    pace, now, sent = Pace(per_s), 10**12, 0
    for gap in gaps_ns:
        now += gap
        if pace.wait_ns(now) == 0:
            pace.spend(now)
            sent += 1
    assert sent <= per_s * ((now - 10**12) / 1e9 + 0.1) + 2


def test_a_burst_is_for_after_a_quiet_spell() -> None:
    pace, now = Pace(1, burst=5), 10**12
    sent = []
    for _ in range(100):
        now += 100_000_000
        if pace.wait_ns(now) == 0:
            pace.spend(now)
            sent.append(now)
    assert sent[4] - sent[0] == 400_000_000
    assert 13 <= len(sent) <= 16


def test_waiting_as_told_gives_the_rate() -> None:
    pace, now = Pace(20), 0
    for _ in range(100):
        now += pace.wait_ns(now)
        pace.spend(now)
    assert 4.5 < now / 1e9 < 5.1
