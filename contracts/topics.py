"""Topics: vedette/v1/<device>/up/... is written by the box, .../dn/... read by it, fleet/dn/... read by all."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from contracts.errors import ConfigError, ProtocolError

ROOT = "vedette/v1"
FLEET = "fleet"
DEVICE = r"^[a-z0-9-]{3,40}$"
LEAF = r"^[a-z0-9][a-z0-9-]{0,63}$"
UP = ("status", "info", "event", "health", "update", "alert", "res", "chunk", "drift")
DN = ("desired", "cmd", "chunk")
MAX_REPLY = 200  # characters of a topic that a reply may go to
SHOWING = ("homeassistant", "node-red")  # who has a certificate at our broker to show boxes and to command them
RESERVED = frozenset({FLEET, "broker", "prometheus", *SHOWING})  # a box of such a name would have at the broker what is theirs
TRAINERS = "trainer"  # with whatever follows


def reserved(device: str) -> bool:
    """Whether the name is somebody's who is no box."""
    return device in RESERVED or device.startswith(TRAINERS)


def _a_box(device: str) -> str:
    if device == FLEET:
        raise ValueError("`fleet` names all boxes; give this one a name of its own")
    if reserved(device):
        raise ValueError(f"`{device}` is a name that somebody else has at the broker; give this box one of its own")
    return device


DeviceId = Annotated[str, Field(pattern=DEVICE), AfterValidator(_a_box)]


@dataclass(frozen=True)
class Topics:
    """The topics of one box."""

    device: str

    def __post_init__(self) -> None:
        if not re.fullmatch(DEVICE.strip("^$"), self.device) or reserved(self.device):
            others = f"and not `{FLEET}`, {', '.join(sorted(RESERVED - {FLEET}))} or what begins with {TRAINERS}"
            raise ConfigError(f"device id {self.device!r} is not possible; use 3 to 40 of a-z, 0-9 and -, {others}")

    def up(self, name: str) -> str:
        """`up("event")`: something this box writes."""
        if name not in UP:
            raise ValueError(f"{name} is not one of {', '.join(UP)}")
        return f"{ROOT}/{self.device}/up/{name}"

    def alert(self, alert_id: str) -> str:
        if not re.fullmatch(LEAF.strip("^$"), alert_id):
            raise ValueError(f"{alert_id!r} is not possible in a topic; use a-z, 0-9 and -")
        return f"{self.up('alert')}/{alert_id}"

    def drift(self, slot: str) -> str:
        """An hour of the day under which what was seen in it stands."""
        if not re.fullmatch(LEAF.strip("^$"), slot):
            raise ValueError(f"{slot!r} is not possible in a topic; use a-z, 0-9 and -")
        return f"{self.up('drift')}/{slot}"

    def dn(self, name: str) -> str:
        """`dn("cmd")`: something this box alone reads."""
        return f"{ROOT}/{self.device}/dn/{_dn(name)}"

    def is_reply(self, topic: str) -> bool:
        """Whether a reply may go there: up/res or below it, never anything a stranger names, nor a topic a broker could refuse."""
        return re.fullmatch(rf"{self.up('res')}(/[A-Za-z0-9_-][A-Za-z0-9._-]*){{0,4}}", topic) is not None and len(topic) <= MAX_REPLY


def fleet(name: str) -> str:
    """`fleet("cmd")`: something every box reads."""
    return f"{ROOT}/{FLEET}/dn/{_dn(name)}"


def _dn(name: str) -> str:
    if name not in DN:
        raise ValueError(f"{name} is not one of {', '.join(DN)}")
    return name


@dataclass(frozen=True)
class Topic:
    """A topic taken apart; `device` is None for the whole fleet, `rest` what follows the name (an alert's id)."""

    device: str | None
    direction: Literal["up", "dn"]
    name: str
    rest: str = ""


def read_topic(topic: str) -> Topic:
    """Take a topic apart; ProtocolError when it is none of ours."""
    match = re.fullmatch(rf"{ROOT}/([a-z0-9-]{{3,40}})/(up|dn)/([a-z]+)(?:/([^+#\0]+))?", topic)
    if match is None:
        raise ProtocolError(f"topic {topic[:100]!r} is none of {ROOT}/<device>/up|dn/<name>")
    device, direction, name, rest = match.groups()
    if device != FLEET and reserved(device):
        raise ProtocolError(f"topic {topic[:100]!r}: {device} is no box")
    if name not in (UP if direction == "up" else DN) or (device == FLEET and direction == "up"):
        raise ProtocolError(f"topic {topic[:100]!r}: {direction}/{name} is not known here")
    return Topic(None if device == FLEET else device, "up" if direction == "up" else "dn", name, rest or "")
