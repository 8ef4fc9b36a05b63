"""Letters: what goes out, what comes in, what is acknowledged."""

from __future__ import annotations

from dataclasses import dataclass

from paho.mqtt.properties import Properties


@dataclass(frozen=True, slots=True)
class Letter:
    """Something to publish; QoS 1 always."""

    topic: str
    payload: bytes
    retain: bool = False
    expiry_s: int | None = None
    correlation: bytes | None = None
    response: str | None = None  # topic that an answer goes to
    delay_s: int | None = None  # of a will


@dataclass(frozen=True, slots=True)
class Incoming:
    topic: str | None  # None: not even UTF-8
    payload: bytes
    retain: bool = False
    expiry_s: int | None = None
    response: str | None = None
    correlation: bytes | None = None
    mid: int = 0  # 0: QoS 0, nothing to acknowledge


@dataclass(frozen=True, slots=True)
class Ack:
    mid: int
    refused: str = ""  # the broker's words when it did not take the message


def properties(packet: int, letter: Letter) -> Properties | None:
    """The MQTT 5 properties of a letter or a will, None when it has none."""
    given = {
        "MessageExpiryInterval": letter.expiry_s, "CorrelationData": letter.correlation, "ResponseTopic": letter.response,
        "WillDelayInterval": letter.delay_s,
    }  # fmt: skip
    if all(value is None for value in given.values()):
        return None
    made = Properties(packet)  # type: ignore[no-untyped-call]  # paho's own
    for name, value in given.items():
        if value is not None:
            setattr(made, name, value)
    return made
