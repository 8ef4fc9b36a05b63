"""Sessions and wrong guesses over time."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from device.web.access import FREE_GUESSES, LONGEST_WAIT_S, MAX_ADDRESSES, MAX_SESSIONS, Access, Failures, Sessions, same
from device.web.options import Options
from device.web.passwords import hashed
from tests.clocks import HandClock


@given(st.text(), st.text())
def test_only_the_same_word_is_the_same(given_word: str, secret: str) -> None:
    assert same(given_word, SecretStr(secret)) is (given_word == secret)
    assert not same(given_word, None)


def test_a_session_ends_after_its_hours() -> None:
    clock = HandClock()
    sessions = Sessions(clock, hours=2)
    cookie = sessions.open()
    clock.advance(7199)
    assert sessions.valid(cookie)
    clock.advance(2)
    assert not sessions.valid(cookie)


def test_sessions_do_not_pile_up() -> None:
    sessions = Sessions(HandClock(), hours=1)
    cookies = [sessions.open() for _ in range(MAX_SESSIONS + 1)]
    assert not sessions.valid(cookies[0])
    assert all(sessions.valid(cookie) for cookie in cookies[1:])


def test_each_further_guess_doubles_the_wait_up_to_a_limit() -> None:
    clock = HandClock()
    failures = Failures(clock)
    waits = []
    for _ in range(FREE_GUESSES + 14):
        failures.wrong("10.0.0.9")
        waits.append(failures.wait_s("10.0.0.9"))
        clock.advance(failures.wait_s("10.0.0.9"))
    assert waits[: FREE_GUESSES - 1] == [0] * (FREE_GUESSES - 1)
    assert waits[FREE_GUESSES - 1 : FREE_GUESSES + 3] == [1, 2, 4, 8]
    assert waits[-1] == LONGEST_WAIT_S
    assert failures.wait_s("10.0.0.10") == 0


def test_the_right_word_forgives() -> None:
    failures = Failures(HandClock())
    for _ in range(FREE_GUESSES):
        failures.wrong("a")
    failures.right("a")
    assert failures.wait_s("a") == 0


def test_who_has_a_network_of_addresses_has_no_more_guesses_and_no_neighbour_pays_for_another() -> None:
    failures = Failures(HandClock())
    for n in range(FREE_GUESSES):
        failures.wrong(f"2a02:db8:1:2::{n:x}")
        failures.wrong(f"fe80::{n:x}%eth0")
        failures.wrong(f"::ffff:192.0.2.{n}")
    assert failures.wait_s("2a02:db8:1:2:ffff::1") and not failures.wait_s("2a02:db8:1:3::1")
    assert not failures.wait_s("fe80::1") and not failures.wait_s("192.0.2.1")
    for _ in range(FREE_GUESSES):
        failures.wrong("192.0.2.9")
    assert failures.wait_s("::ffff:192.0.2.9")


def test_memory_of_addresses_is_bounded() -> None:
    failures = Failures(HandClock())
    for n in range(MAX_ADDRESSES + 50):
        failures.wrong(str(n))
    assert len(failures._wrong) == MAX_ADDRESSES


@pytest.mark.parametrize("secret", [None, SecretStr("correct horse"), SecretStr("x")])
@pytest.mark.parametrize("given_word", ["", "correct horse", "wrong", "x" * 10_000])
def test_every_guess_is_compared_once_and_alike(monkeypatch: pytest.MonkeyPatch, given_word: str, secret: SecretStr | None) -> None:
    """Digests of one length, by the comparison that does not stop early: whether a secret is set takes no less time to learn."""
    compared: list[tuple[int, int]] = []
    honest = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return honest(one, other)

    monkeypatch.setattr("device.web.access.hmac.compare_digest", compare)
    assert same(given_word, secret) is (secret is not None and given_word == secret.get_secret_value())
    assert compared == [(32, 32)]


def test_who_waits_for_the_end_of_a_session_is_told_however_it_ends() -> None:
    async def ends(how: Callable[[HandClock, Sessions, str], object]) -> bool:
        clock = HandClock()
        sessions = Sessions(clock, hours=0.0001 if how is expire else 1)
        cookie = sessions.open()
        waiting = asyncio.ensure_future(sessions.ended(cookie))
        await asyncio.sleep(0)
        assert not waiting.done()
        how(clock, sessions, cookie)
        await asyncio.wait_for(waiting, 10)
        return not sessions.valid(cookie) and not sessions._over

    def leave(_clock: HandClock, sessions: Sessions, cookie: str) -> None:
        sessions.close(cookie)

    def crowd(_clock: HandClock, sessions: Sessions, _cookie: str) -> None:
        for _ in range(MAX_SESSIONS):
            sessions.open()

    def expire(clock: HandClock, _sessions: Sessions, _cookie: str) -> None:
        clock.advance(1)

    assert all(asyncio.run(ends(how)) for how in (leave, crowd, expire))
    assert asyncio.run(asyncio.wait_for(Sessions(HandClock(), 1).ended("never opened"), 1)) is None


def test_guesses_that_come_at_once_are_no_more_than_those_that_come_one_by_one() -> None:
    """The page has dozens of connections, and each guess takes its time: none may be begun before the one before has counted."""
    access = Access(Options(password_hash=SecretStr(hashed("correct horse 9"))), HandClock())

    async def all_at_once() -> list[bool]:
        words = ["wrong"] * (FREE_GUESSES + 1) + ["correct horse 9"]
        return await asyncio.gather(*(access.login(word, "192.0.2.9") for word in words))

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(lambda: asyncio.run(all_at_once())).result(60)[-1] is False
    assert access.failures.wait_s("192.0.2.9") == 1
