"""What the broker keeps of a box: whether it is there (birth and last will), what it is, what is wrong with it."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, JsonValue

from contracts.dsse import PublicKey
from contracts.topics import LEAF
from contracts.wear import Level
from contracts.wire import Utc, Wire


class Status(Wire):
    """Birth (`online`), farewell (`offline`) and last will (`lost`). A `lost` whose session is not the last birth's is stale."""

    state: Literal["online", "offline", "lost"]
    session: str = Field(description="ULID of the connection; the will carries that of its own")
    software: str = Field(default="", description="version of Vedette")


class CameraInfo(Wire):
    use: str = Field(description="kind of source")
    address: str = Field(default="", description="where the pictures come from, without credentials")


class Info(Wire):
    """Inventory: what this box is."""

    software: str
    profile: str
    config_hash: str
    cameras: dict[str, CameraInfo]
    hardware: dict[str, JsonValue] = Field(default_factory=dict, description="board, cores, memory, accelerator")
    backends: list[str] = Field(default_factory=list, description="engines that can run here")
    versions: dict[str, str] = Field(default_factory=dict, description="of the libraries that matter")
    model: str | None = None
    key: PublicKey | None = Field(default=None, description="of this box: it signs what it accepted; null: updates are not configured")


def _level(value: object) -> object:
    """Boxes of before 0.2 said `error`."""
    return "critical" if value == "error" else value


class Alert(Wire):
    """A fault that lasts. It is retained under up/alert/<id> and cleared by an empty payload."""

    id: str = Field(pattern=LEAF)
    level: Annotated[Level, BeforeValidator(_level)] = Field(description="info: good to know; warning: soon; critical: now")
    text: str = Field(description="what, which, what to do")
    mend: str = Field(default="", description="what to do, by itself")
    since: Utc
    camera: str | None = None
