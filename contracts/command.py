"""A command to a box (dn/cmd) and its reply (up/res)."""

from typing import Literal

from pydantic import Field, JsonValue, ValidationError

from contracts.envelope import check_major, first_fault
from contracts.errors import ProtocolError
from contracts.wire import Utc, Wire


class Command(Wire):
    v: Literal[1] = 1
    id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="a repeat of an id is answered from memory, not done twice")
    cmd: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$", description="ping, snapshot, restart, ...")
    t: Utc | None = Field(default=None, description="when it was given; a minute old, or yet to come, it is refused where clocks are set")
    args: dict[str, JsonValue] = Field(default_factory=dict)


class Reply(Wire):
    id: str | None = Field(description="the command's id; null where it could not be read")
    ok: bool
    code: str = Field(
        default="", description="E_RETAINED, E_EXPIRED, E_EARLY, E_VERSION, E_INVALID, E_UNKNOWN, E_BUSY, E_FAILED, E_INTERRUPTED"
    )
    detail: str = ""
    took_ms: float = 0.0
    repeat: bool = Field(default=False, description="answered from memory")
    data: dict[str, JsonValue] = Field(default_factory=dict)


def read_command(payload: bytes) -> Command:
    """The command in a payload; ProtocolError says what is wrong with it."""
    check_major(payload)
    try:
        return Command.model_validate_json(payload)
    except (ValidationError, RecursionError) as error:
        raise ProtocolError(f"message is not a command: {first_fault(error)}") from error
