"""MQTT 5 as bytes, as much of it as a box speaks: for ten thousand clients in a few processes, which cannot have a paho client each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

CONNACK, PUBACK = 0x20, 0x40
KEPT_AS_PUBLISHED = 0x08 | 1  # QoS 1, retain flag as it was published: as broker.link asks
EXPIRY, WILL_DELAY, SESSION_EXPIRY, MAX_PACKET = 0x02, 0x18, 0x11, 0x27  # properties, four bytes each


def connect(
    client: str, username: str | None, will: tuple[str, bytes, int], *, keepalive_s: int, session_expiry_s: int, max_packet: int
) -> bytes:
    """With a session that is kept and a retained last will (topic, payload, delay in seconds)."""
    topic, payload, delay_s = will
    flags = 0x04 | 0x08 | 0x20 | (0x80 if username is not None else 0)  # will, its QoS 1, retained; no clean start
    asked = _numbers((SESSION_EXPIRY, session_expiry_s), (MAX_PACKET, max_packet))
    head = _text("MQTT") + bytes((5, flags)) + keepalive_s.to_bytes(2, "big") + asked
    body = head + _text(client) + _numbers((WILL_DELAY, delay_s)) + _text(topic) + _binary(payload)
    return _packet(0x10, body + (_text(username) if username is not None else b""))


def subscribe(mid: int, topics: Sequence[str]) -> bytes:
    return _packet(0x82, mid.to_bytes(2, "big") + b"\0" + b"".join(_text(topic) + bytes((KEPT_AS_PUBLISHED,)) for topic in topics))


def publish(mid: int, topic: str, payload: bytes, expiry_s: int | None = None) -> bytes:
    """QoS 1, retained."""
    given = _numbers((EXPIRY, expiry_s)) if expiry_s is not None else b"\0"
    return _packet(0x33, _text(topic) + mid.to_bytes(2, "big") + given + payload)


def packets(came: bytearray) -> Iterator[tuple[int, bytes]]:
    """Type and body of each whole packet, which is taken out of what came."""
    while (size := _length(came)) is not None:
        length, digits = size
        end = 1 + digits + length
        if len(came) < end:
            return
        kind, body = came[0] & 0xF0, bytes(came[1 + digits : end])
        del came[:end]
        yield kind, body


def _length(came: bytearray) -> tuple[int, int] | None:
    """The remaining length and how many bytes it takes; None: not all of them are there."""
    value = 0
    for digits, byte in enumerate(came[1:5], 1):
        value |= (byte & 0x7F) << 7 * (digits - 1)
        if byte < 0x80:
            return value, digits
    return None


def _packet(head: int, body: bytes) -> bytes:
    return bytes((head,)) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    said = bytearray()
    while value > 0x7F:
        said.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*said, value))


def _numbers(*given: tuple[int, int]) -> bytes:
    body = b"".join(bytes((name,)) + value.to_bytes(4, "big") for name, value in given)
    return _varint(len(body)) + body


def _binary(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


def _text(value: str) -> bytes:
    return _binary(value.encode())
