"""One stream, listeners that come and go."""

from __future__ import annotations

import pytest

from device.pipeline.channel import Closed
from device.pipeline.hub import Hub


def test_everyone_gets_what_comes_while_they_listen() -> None:
    hub = Hub[int]()
    hub.put(1)
    with hub.listen() as one:
        hub.put(2)
        with hub.listen() as two:
            hub.put(3)
            assert hub.listening() == 2
        hub.put(4)
        assert [one.get(0) for _ in range(3)] == [2, 3, 4]
        assert two.get(0) == 3
        with pytest.raises(TimeoutError):
            two.get(0)
    assert hub.listening() == 0


def test_a_slow_listener_loses_its_oldest_counted_and_holds_nobody_up() -> None:
    hub = Hub[int](maxsize=3)
    with hub.listen() as slow, hub.listen() as quick:
        for n in range(5):
            assert hub.put(n)
            assert quick.get(0) == n
        assert [slow.get(0) for _ in range(3)] == [2, 3, 4]
        assert (slow.dropped, quick.dropped) == (2, 0)


def test_closing_ends_those_who_listen_and_those_who_come_later() -> None:
    hub = Hub[int]()
    with hub.listen() as early:
        hub.put(1)
        hub.close()
        assert hub.put(2)
        assert list(early.each()) == [1]
        with hub.listen() as late, pytest.raises(Closed):
            late.get(0)


def test_a_listener_that_leaves_by_an_exception_is_gone() -> None:
    hub = Hub[int]()
    with pytest.raises(ZeroDivisionError), hub.listen():
        raise ZeroDivisionError
    assert hub.listening() == 0
