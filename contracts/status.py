"""What the broker keeps of a box: whether it is there (birth and last will), what it is, what is wrong with it."""

from typing import Literal

from pydantic import Field, JsonValue

from contracts.dsse import PublicKey
from contracts.topics import LEAF
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


class Alert(Wire):
    """A fault that lasts. It is retained under up/alert/<id> and cleared by an empty payload."""

    id: str = Field(pattern=LEAF)
    level: Literal["warning", "error"]
    text: str = Field(description="what, which, what to do")
    since: Utc
    camera: str | None = None
