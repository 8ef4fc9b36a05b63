"""Messages: what came, taken apart and checked; whatever is not ours, or not what it says, is refused by a short reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, JsonValue, ValidationError

from broker.letters import Incoming
from contracts.command import Reply
from contracts.drift import DriftHour
from contracts.envelope import Envelope, VersionError, first_fault, read_envelope
from contracts.errors import ProtocolError
from contracts.event import Event
from contracts.health import Health
from contracts.status import Info, Status
from contracts.topics import read_topic
from dataset.records import micros

Kind = Literal["event", "health", "update", "status", "info", "drift", "res"]
SHAPES: Mapping[str, type[BaseModel] | None] = {
    "event": Event, "health": Health, "update": None, "status": Status, "info": Info, "drift": DriftHour, "res": Reply,
}  # fmt: skip
LONGEST = {"camera": 128, "label": 128, "boot": 64, "profile": 128, "model": 71, "session": 64, "software": 64}
LARGEST_SEQ = 1 << 60
BELOW = ("res", "drift")  # what has topics below its own
LIVES = ("new", "update", "end")
END_RANK = 1 << 61  # above every time there is


class Refused(ProtocolError):
    """A message is counted under `reason` and forgotten."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a box. `data` is what its kind says it is; update reports are as they came."""

    device: str
    kind: Kind
    envelope: Envelope
    data: BaseModel | None
    text: str  # the payload
    mid: int

    @property
    def t_us(self) -> int:
        return micros(self.envelope.t)


def read_message(came: Incoming) -> Message:
    """Refused says why not."""
    try:
        topic = read_topic(came.topic or "")
    except ProtocolError as error:
        raise Refused("topic", str(error)) from error
    if topic.direction != "up" or topic.device is None or topic.name not in SHAPES or (topic.rest and topic.name not in BELOW):
        raise Refused("topic", f"topic {came.topic!r}: is not one that is taken in")
    try:
        envelope = read_envelope(came.payload)
        text = came.payload.decode()
    except VersionError as error:
        raise Refused("version", f"{topic.device}: {error}") from error
    except (ProtocolError, UnicodeDecodeError) as error:
        raise Refused("envelope", f"{topic.device}: {error}") from error
    if envelope.type != f"{topic.name}.v1":
        raise Refused("type", f"{topic.device}: {topic.name} says it is {envelope.type[:40]}")
    data = _data(topic.device, topic.name, envelope.data)
    _in_range(topic.device, envelope, data)
    return Message(topic.device, topic.name, envelope, data, text, came.mid)  # type: ignore[arg-type]  # one of SHAPES


def _data(device: str, name: str, data: Mapping[str, JsonValue]) -> BaseModel | None:
    shape = SHAPES[name]
    try:
        return shape.model_validate(data) if shape else None
    except (ValidationError, RecursionError) as error:
        raise Refused(name, f"{device}: {name} is not one: {first_fault(error)}") from error


def _in_range(device: str, envelope: Envelope, data: BaseModel | None) -> None:
    """What a database could not hold."""
    if envelope.seq is not None and envelope.seq > LARGEST_SEQ:
        raise Refused("range", f"{device}: number {envelope.seq} is out of reach")
    texts: dict[str, str | None] = {"boot": envelope.boot, "profile": envelope.profile, "model": envelope.model}
    for name in ("camera", "label", "session", "software"):
        value = getattr(data, name, None)
        texts[name] = value if isinstance(value, str) else None
    for name, text in texts.items():
        if text and (len(text) > LONGEST[name] or "\0" in text):
            raise Refused("range", f"{device}: {name} {text[:40]!r} is longer than {LONGEST[name]} characters, or has a NUL in it")


def rank(life: str, t_us: int) -> int:
    """Orders the messages of one event: by time, at one time new before update, an end after all."""
    return t_us * 4 + LIVES.index(life) + (END_RANK if life == "end" else 0)
