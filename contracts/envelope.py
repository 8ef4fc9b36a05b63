"""The envelope every message travels in, and the ids it carries."""

import threading
from collections.abc import Callable
from typing import Literal

from pydantic import Field, JsonValue, ValidationError

from contracts.errors import ProtocolError
from contracts.wire import Utc, Wire

MAJOR = 1
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ULID = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
MAX_BYTES = 1 << 20  # nobody has reason to send a box more than this in one message


class VersionError(ProtocolError):
    """A message of a major version unknown here."""


class Envelope(Wire):
    v: Literal[1] = Field(default=1, description="major version; a reader refuses one it does not know")
    id: str = Field(pattern=ULID, description="ULID of the message: the same when it is sent again, so a receiver drops what came twice")
    seq: int | None = Field(default=None, ge=1, description="number in the journal, without holes; null: not journalled (states, replies)")
    boot: str = Field(description="the boot `mono` counts from")
    t: Utc = Field(description="capture time for events, else the time of writing")
    mono: float = Field(description="seconds on the monotonic clock at `t`")
    clk: Literal["ntp", "rtc", "unsynced"] = Field(description="how far `t` can be trusted")
    replay: bool = Field(default=False, description="sent later than it should have been")
    type: str = Field(pattern=r"^[a-z][a-z0-9_]*\.v[0-9]+$", description="what `data` is: event.v1, health.v1, ...")
    profile: str = Field(description="what the box is for")
    model: str | None = Field(default=None, description="digest of the bundle, sha256:<hex>")
    data: dict[str, JsonValue]


class _Major(Wire):
    v: int = Field(strict=True)


def read_envelope(payload: bytes) -> Envelope:
    """The envelope in a payload; ProtocolError says what is wrong with it. Unknown keys are ignored."""
    check_major(payload)
    try:
        return Envelope.model_validate_json(payload)
    except (ValidationError, RecursionError) as error:
        raise ProtocolError(f"message is not an envelope: {first_fault(error)}") from error


def check_major(payload: bytes) -> None:
    """Refuse what is too long, not a JSON object, or of a major version unknown here."""
    if len(payload) > MAX_BYTES:
        raise ProtocolError(f"message of {len(payload)} bytes: at most {MAX_BYTES} are read")
    try:
        major = _Major.model_validate_json(payload).v
    except (ValidationError, RecursionError) as error:
        raise ProtocolError(f"message is not an object with a major version `v`: {first_fault(error)}") from error
    if major != MAJOR:
        raise VersionError(f"message has major version {major}, this software reads {MAJOR}: update the older of the two")


def first_fault(error: Exception) -> str:
    """One line of a validation error, without the input it quotes (it may be long or secret)."""
    if not isinstance(error, ValidationError):
        return type(error).__name__
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where}: {fault['msg']}" if where else fault["msg"]


class Ulids:
    """Ids that sort by time: 48 bits of milliseconds, 80 random bits, counted up within a millisecond. Thread-safe."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._lock = threading.Lock()
        self._last = 0

    def next(self, wall_ns: int) -> str:
        ms = wall_ns // 1_000_000
        if not 0 <= ms < 1 << 48:
            raise ValueError(f"{wall_ns} ns is no time an id can carry")
        with self._lock:
            if ms == self._last >> 80:
                self._last += 1  # past the last random number it is the next millisecond's first
            else:
                self._last = ms << 80 | int.from_bytes(self._random(10), "big") >> 1  # the upper half is left for counting
            return _crockford(self._last)


def _crockford(value: int) -> str:
    return "".join(CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))


def ulid_ms(ulid: str) -> int:
    """The milliseconds since 1970 in an id."""
    value = 0
    for character in ulid[:10]:
        value = value << 5 | CROCKFORD.index(character)
    return value
