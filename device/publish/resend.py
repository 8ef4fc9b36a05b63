"""Resend: messages that the broker took and a receiver never had, once more as they were, as far as they are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from pydantic import JsonValue

from broker.letters import Letter
from contracts.errors import ProtocolError
from contracts.topics import Topics
from device.publish.notices import Notices
from device.publish.store import Store

MOST = 100  # of one command; the answer says where to go on
DATA = ',"data":'  # last of an envelope; inside of a string its quotes would be escaped
BETWEEN = "SELECT seq, head, body FROM messages WHERE seq >= ? AND seq <= ? AND head IS NOT NULL ORDER BY seq LIMIT ?"


def head_of(envelope: str) -> str:
    """What is around an event's message; it is kept beside the message itself."""
    return envelope.partition(DATA)[0]


def between(store: Store, first: int, last: int, limit: int) -> list[tuple[int, bytes]]:
    """Numbers and payloads, in order."""
    rows = store.read(BETWEEN, first, last, limit)
    return [(seq, f'{head},"seq":{seq},"replay":true{DATA}{body}}}'.encode()) for seq, head, body in rows]


class Journalled(Protocol):
    """The part of the outbox that is asked here."""

    @property
    def last_seq(self) -> int: ...

    def journalled(self, first: int, last: int, limit: int) -> list[tuple[int, bytes]]: ...


class Resend:
    """The command `resend {first, last}`. The answer: `sent`, `next` where there is more, `gone`: from-to pairs that are kept no more."""

    def __init__(self, outbox: Journalled, notices: Notices, topics: Topics, expiry_s: int) -> None:
        self._outbox, self._notices, self._topic, self._expiry_s = outbox, notices, topics.up("event"), expiry_s

    def __call__(self, args: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        first, asked = _number(args, "first"), _number(args, "last")
        if first > asked:
            raise ProtocolError(f"resend: first {first} is above last {asked}; give them in order")
        newest = self._outbox.last_seq
        last = min(asked, newest)
        found = self._outbox.journalled(first, last, MOST)
        for _, payload in found:
            self._notices.post_reply(Letter(self._topic, payload, expiry_s=self._expiry_s))
        numbers = [seq for seq, _ in found]
        upto = numbers[-1] if len(found) == MOST else last
        gone: list[JsonValue] = [[a, b] for a, b in _holes(numbers, first, upto)]
        return {"sent": len(found), "next": upto + 1 if upto < last else None, "gone": gone, "last_seq": newest}


def _holes(numbers: Sequence[int], first: int, last: int) -> Iterator[tuple[int, int]]:
    for number in (*numbers, last + 1):
        if number > first:
            yield first, number - 1
        first = number + 1


def _number(args: Mapping[str, JsonValue], name: str) -> int:
    value = args.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 1 << 62:
        raise ProtocolError(f"resend: {name} {str(value)[:40]!r} is not a number of the journal; give first and last")
    return value
