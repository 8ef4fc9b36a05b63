"""Access: who may come in: the token of machines, the password of people, their sessions, and wrong guesses slowed down."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from pydantic import SecretStr

from device.clock import Clock
from device.web import passwords
from device.web.options import Options
from serving.addresses import guesser

COOKIE = "vedette_session"
MAX_SESSIONS = 64
MAX_ADDRESSES = 1024  # remembered with their wrong guesses
FREE_GUESSES = 5
LONGEST_WAIT_S = 900


def same(given: str, secret: SecretStr | None) -> bool:
    """Equal, in a time that says nothing of where they differ, nor of whether there is a secret; hashing first hides the length too.

    One SHA-256 of what the guard let in takes microseconds: secrets come from the configuration, no hash of one is kept that would
    have to be slow, and guesses are slowed down by waiting.
    """
    wanted = secrets.token_hex() if secret is None else secret.get_secret_value()
    equal = hmac.compare_digest(sha256(given.encode()).digest(), sha256(wanted.encode()).digest())
    return equal and secret is not None


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
        wrong = self._wrong.get(guesser(address))
        left_ns = wrong.until_mono_ns - self._clock.mono_ns() if wrong else 0
        return max(0, -(-left_ns // 1_000_000_000))

    def wrong(self, address: str) -> None:
        address = guesser(address)
        guesses = self._wrong.pop(address, Wrong(0, 0)).guesses + 1
        over = guesses - FREE_GUESSES
        wait_s = min(LONGEST_WAIT_S, 2 ** min(over, 20)) if over >= 0 else 0
        self._wrong[address] = Wrong(guesses, self._clock.mono_ns() + wait_s * 1_000_000_000)
        while len(self._wrong) > MAX_ADDRESSES:
            self._wrong.popitem(last=False)

    def right(self, address: str) -> None:
        self._wrong.pop(guesser(address), None)


class Sessions:
    """Logins in memory, kept as hashes; the oldest gives way to the sixty-fifth."""

    def __init__(self, clock: Clock, hours: float) -> None:
        self._clock, self._span_ns = clock, int(hours * 3600e9)
        self._ends: OrderedDict[bytes, int] = OrderedDict()
        self._over: dict[bytes, asyncio.Event] = {}  # of those whose end somebody waits for

    def open(self) -> str:
        cookie = secrets.token_urlsafe(32)
        self._ends[_key(cookie)] = self._clock.mono_ns() + self._span_ns
        while len(self._ends) > MAX_SESSIONS:
            self._end(next(iter(self._ends)))
        return cookie

    def valid(self, cookie: str) -> bool:
        return self._left_ns(_key(cookie)) > 0

    def close(self, cookie: str) -> None:
        self._end(_key(cookie))

    def close_all(self) -> None:
        for key in list(self._ends):
            self._end(key)

    def kept(self) -> dict[str, int]:
        """For the next start of this program: hashes, and the monotonic time at which each ends."""
        return {key.hex(): ends_ns for key, ends_ns in self._ends.items()}

    def take(self, kept: Mapping[str, int]) -> None:
        """Those of the start before; none lasts longer than one that begins now."""
        latest_ns = self._clock.mono_ns() + self._span_ns
        for key, ends_ns in list(kept.items())[:MAX_SESSIONS]:
            self._ends[bytes.fromhex(key)] = min(ends_ns, latest_ns)

    async def ended(self, cookie: str) -> None:
        """Returns when the session is closed, has given way to newer ones, or its hours are over."""
        key = _key(cookie)
        while (left_ns := self._left_ns(key)) > 0:
            over = self._over.setdefault(key, asyncio.Event())
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(over.wait(), left_ns / 1e9)
        self._end(key)

    def _left_ns(self, key: bytes) -> int:
        return self._ends.get(key, 0) - self._clock.mono_ns()

    def _end(self, key: bytes) -> None:
        self._ends.pop(key, None)
        over = self._over.pop(key, None)
        if over is not None:
            over.set()


def _key(cookie: str) -> bytes:
    return sha256(cookie.encode()).digest()


class Access:
    """Used in the event loop only."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._kept = options.password_hash if options.password is None else None
        self._turn, self._asking = asyncio.Lock(), asyncio.Lock()
        self.failures = Failures(clock)
        self.sessions = Sessions(clock, options.session_hours)
        self.locked = options.locked

    def bearer(self, token: str, address: str) -> bool:
        return self._judge(same(token, self._options.token), address)

    def trainer(self, token: str, address: str) -> bool:
        """Whether it may fetch training data: by the token for that, and where there is none by that of machines."""
        return self._judge(same(token, self._options.export_token or self._options.token), address)

    def claim(self, kept: SecretStr) -> None:
        """From now on this password is asked for, and whoever came in before comes in anew."""
        self._kept, self.locked = kept, True
        self.sessions.close_all()

    async def login(self, word: str, address: str) -> bool:
        """The form takes the password; where only a token is set, the token. However many come at once, each counts before the next is
        heard."""
        async with self._asking:
            return not self.failures.wait_s(address) and self._judge(await self.knows(word), address)

    async def knows(self, word: str) -> bool:
        kept = self._kept
        if kept is None:
            return same(word, self._options.password or self._options.token)
        async with self._turn:  # one guess at a time: each takes 16 MB
            return await asyncio.to_thread(passwords.fits, word, kept.get_secret_value())

    def _judge(self, right: bool, address: str) -> bool:
        (self.failures.right if right else self.failures.wrong)(address)
        return right
