"""Access: who may come in: the token of machines, the password of people, their sessions, and wrong guesses slowed down."""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

from pydantic import SecretStr

from device.clock import Clock
from device.web.options import Options

COOKIE = "vedette_session"
MAX_SESSIONS = 64
MAX_ADDRESSES = 1024  # remembered with their wrong guesses
FREE_GUESSES = 5
LONGEST_WAIT_S = 900


def same(given: str, secret: SecretStr | None) -> bool:
    """Equal, in a time that says nothing of where they differ; hashing first hides the length too."""
    if secret is None:
        return False
    return hmac.compare_digest(sha256(given.encode()).digest(), sha256(secret.get_secret_value().encode()).digest())


@dataclass(frozen=True, slots=True)
class Wrong:
    guesses: int
    until_mono_ns: int


class Failures:
    """Five wrong guesses from one address are free; after that it waits, twice as long with each further one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, Wrong] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """Seconds this address has to wait before it is heard again."""
        wrong = self._wrong.get(address)
        left_ns = wrong.until_mono_ns - self._clock.mono_ns() if wrong else 0
        return max(0, -(-left_ns // 1_000_000_000))

    def wrong(self, address: str) -> None:
        guesses = self._wrong.pop(address, Wrong(0, 0)).guesses + 1
        over = guesses - FREE_GUESSES
        wait_s = min(LONGEST_WAIT_S, 2 ** min(over, 20)) if over >= 0 else 0
        self._wrong[address] = Wrong(guesses, self._clock.mono_ns() + wait_s * 1_000_000_000)
        while len(self._wrong) > MAX_ADDRESSES:
            self._wrong.popitem(last=False)

    def right(self, address: str) -> None:
        self._wrong.pop(address, None)


class Sessions:
    """Logins in memory, kept as hashes; the oldest gives way to the sixty-fifth."""

    def __init__(self, clock: Clock, hours: float) -> None:
        self._clock, self._span_ns = clock, int(hours * 3600e9)
        self._ends: OrderedDict[bytes, int] = OrderedDict()

    def open(self) -> str:
        cookie = secrets.token_urlsafe(32)
        self._ends[sha256(cookie.encode()).digest()] = self._clock.mono_ns() + self._span_ns
        while len(self._ends) > MAX_SESSIONS:
            self._ends.popitem(last=False)
        return cookie

    def valid(self, cookie: str) -> bool:
        return self._ends.get(sha256(cookie.encode()).digest(), 0) > self._clock.mono_ns()

    def close(self, cookie: str) -> None:
        self._ends.pop(sha256(cookie.encode()).digest(), None)


class Access:
    """Used in the event loop only."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self.failures = Failures(clock)
        self.sessions = Sessions(clock, options.session_hours)
        self.locked = options.locked

    def bearer(self, token: str, address: str) -> bool:
        return self._judge(same(token, self._options.token), address)

    def login(self, word: str, address: str) -> bool:
        """The form takes the password; where only a token is set, the token."""
        return self._judge(same(word, self._options.password or self._options.token), address)

    def _judge(self, right: bool, address: str) -> bool:
        (self.failures.right if right else self.failures.wrong)(address)
        return right
