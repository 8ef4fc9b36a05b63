"""Notices: what is not an event: states of which the latest counts (retained), and replies; in memory, never on the flash."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

from broker.letters import Letter
from device.pipeline.channel import nothing
from device.pipeline.tally import Tally

MAX_REPLIES = 256


class Notices:
    """Any thread posts, the broker's worker takes. A newer state takes the place of the one that waits, counted.

    States are posted again after each connection: a broker that lost them has them back.
    """

    def __init__(self, tally: Tally) -> None:
        self._lock = threading.Lock()
        self._tally = tally
        self._states: dict[str, Letter] = {}
        self._waiting: OrderedDict[str, Letter] = OrderedDict()
        self._replies: deque[Letter] = deque(maxlen=MAX_REPLIES)
        self._wake: Callable[[], None] = nothing

    def listen(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def post_state(self, letter: Letter) -> None:
        """A retained state; an empty payload takes it back."""
        with self._lock:
            if letter.topic in self._waiting:
                self._tally.count("", "notices", "overwritten")
            self._states[letter.topic] = self._waiting[letter.topic] = letter
        self._wake()

    def post_reply(self, letter: Letter) -> None:
        with self._lock:
            if len(self._replies) == MAX_REPLIES:
                self._tally.count("", "notices", "reply_dropped")
            self._replies.append(letter)
        self._wake()

    def take(self) -> Letter | None:
        """The next to send: replies first."""
        with self._lock:
            if self._replies:
                return self._replies.popleft()
            return self._waiting.popitem(last=False)[1] if self._waiting else None

    def all_again(self) -> None:
        """A new connection: every state that stands is sent once more."""
        with self._lock:
            self._waiting = OrderedDict(self._states)

    def empty(self) -> bool:
        with self._lock:
            return not self._replies and not self._waiting
