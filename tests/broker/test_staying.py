"""Staying: pauses are bounded and no two alike; a link is made anew, its owner hears why, and is left within his patience."""

from __future__ import annotations

import random
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.address import Address
from broker.link import Link
from broker.staying import Staying, backoff_s


def address(listening: socket.socket) -> Address:
    return Address("127.0.0.1", listening.getsockname()[1], "me", connect_timeout_s=20)


def test_who_hangs_up_is_tried_again_and_the_owner_hears_why() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        reasons: list[str] = []
        made: list[Link] = []
        ticks: list[int] = []
        stop = threading.Event()

        def make() -> Link:
            made.append(Link(address(listening), time.monotonic_ns))
            threading.Thread(target=lambda: listening.accept()[0].close(), daemon=True).start()
            return made[-1]

        def lost(reason: str) -> None:
            reasons.append(reason)
            if len(reasons) == 3:
                stop.set()

        staying = Staying(make, (0.01, 0.02), time.monotonic_ns)
        staying.run(stop, lambda link: None, lost, lambda: ticks.append(len(reasons)))
    assert len(made) == 3
    assert all("closed the connection without an answer" in reason or "connection" in reason.lower() for reason in reasons)
    assert {0, 1, 2} <= set(ticks), "it is said that this thread lives, in each attempt"
    assert staying.link is None


def test_a_connection_that_is_being_made_is_waited_for_as_long_as_the_owner_is_patient() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # the kernel takes the connection, nobody answers
        for patience_s in (0.0, 0.6):
            stop, reasons = threading.Event(), list[str]()
            staying = Staying(lambda: Link(address(listening), time.monotonic_ns), (1, 2), time.monotonic_ns, patience_s=patience_s)
            running = threading.Thread(target=staying.run, args=(stop, lambda link: None, reasons.append), daemon=True)
            running.start()
            while staying.link is None:
                assert not stop.wait(0.01)
            began = time.monotonic()
            stop.set()
            staying.wake()
            running.join(20)
            assert not running.is_alive()
            assert patience_s <= time.monotonic() - began + 0.01
            assert reasons == [], "it stopped: nothing was lost"


class Slow(Link):
    """Six seconds on the clock of its test pass while it connects, and again while it is up; then it is lost."""

    def __init__(self, to: Address, hand: list[int], comes_up: bool) -> None:
        super().__init__(to, lambda: hand[0])
        self._hand, self._comes_up = hand, comes_up

    def connect(self) -> None:
        self._hand[0] += 6_000_000_000
        self.up, self.lost = self._comes_up, None if self._comes_up else "no answer"

    def close(self, farewell: bool) -> None:
        self.up = False


@pytest.mark.parametrize(("comes_up", "attempts"), [(False, [1, 2, 3, 4]), (True, [0, 0, 0, 0])])
def test_only_a_connection_that_was_up_for_long_makes_the_next_attempt_an_early_one(
    comes_up: bool, attempts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    hand, stop, asked = [0], threading.Event(), list[int]()

    def pause_s(attempt: int, *_: object) -> float:
        asked.append(attempt)
        return 0

    def serve(link: Link) -> None:
        hand[0] += 6_000_000_000
        link.lost = "gone"

    def lost(reason: str) -> None:
        if len(asked) == 4:
            stop.set()

    monkeypatch.setattr("broker.staying.backoff_s", pause_s)
    nobody = Address("127.0.0.1", 1, "me")
    Staying(lambda: Slow(nobody, hand, comes_up), (1, 60), lambda: hand[0]).run(stop, serve, lost)
    assert asked[:4] == attempts


@given(st.integers(0, 10_000), st.integers())
def test_backoff_stays_within_its_bounds(attempt: int, seed: int) -> None:
    assert 0.5 <= backoff_s(attempt, 1, 60, random.Random(seed)) <= 60


def test_a_thousand_boxes_do_not_come_back_at_once() -> None:
    pauses = sorted(backoff_s(20, 1, 60, random.Random(seed)) for seed in range(1000))
    most_in_a_second = max(sum(p <= q < p + 1 for q in pauses) for p in pauses)
    assert most_in_a_second < 80, "spread over half a minute"
