"""Owner: what the first-boot page and the settings may do with this box; the appliance gives it, the page only calls it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import Field, SecretStr, field_validator

from device.pipeline.strict import Strict

Point = tuple[float, float]
LONGEST_PEM = 12_000  # characters; a chain of three has about six thousand
MOST_AREAS, MOST_POINTS = 32, 64


class CameraGiven(Strict):
    """A camera as it is typed. `password` None: the one that is kept, where the address is still the same."""

    name: str = Field(min_length=1, max_length=64)
    kind: Literal["rtsp", "usb", "test"]
    address: str = Field(default="", max_length=1000)
    user: str = Field(default="", max_length=200)
    password: SecretStr | None = Field(default=None, max_length=200)
    transport: Literal["tcp", "udp"] = "tcp"

    @field_validator("name")
    @classmethod
    def _can_be_read(cls, name: str) -> str:
        if not name.isprintable() or name != name.strip():
            raise ValueError("the name has a character that cannot be read, or begins or ends with a space; choose a plain one")
        return name


class AreaGiven(Strict):
    points: tuple[Point, ...] = Field(min_length=3, max_length=MOST_POINTS)


class AreasGiven(Strict):
    """All that is drawn on one camera's picture."""

    zones: dict[str, AreaGiven] = Field(default_factory=dict, max_length=MOST_AREAS)
    masks: tuple[AreaGiven, ...] = Field(default=(), max_length=MOST_AREAS)
    ignored: tuple[AreaGiven, ...] = Field(default=(), max_length=MOST_AREAS)

    @field_validator("zones")
    @classmethod
    def _named(cls, zones: dict[str, AreaGiven]) -> dict[str, AreaGiven]:
        if wrong := next((name for name in zones if not 0 < len(name) <= 64 or not name.isprintable()), None):
            raise ValueError(f"{wrong[:64]!r} cannot be the name of a zone; give it 1 to 64 plain characters")
        return zones


class BrokerGiven(Strict):
    """None for the password or a file: what is kept, where the broker is still the same; empty: none."""

    host: str = Field(min_length=1, max_length=255)
    port: int = Field(ge=1, le=65535)
    tls: Literal["off", "on"]
    username: str = Field(default="", max_length=200)
    password: SecretStr | None = Field(default=None, max_length=500)
    ca: SecretStr | None = Field(default=None, max_length=LONGEST_PEM)
    cert: SecretStr | None = Field(default=None, max_length=LONGEST_PEM)
    key: SecretStr | None = Field(default=None, max_length=LONGEST_PEM)


@dataclass(frozen=True, slots=True)
class Tried:
    """What a try gave: `mend` says what to do where it failed."""

    ok: bool
    text: str
    mend: str = ""
    width: int = 0
    height: int = 0


class Owner(Protocol):
    """Called from several threads. ConfigError for what may not be set, StorageError where the disk refuses; nothing is changed then."""

    @property
    def unclaimed(self) -> bool:
        """Nobody owns this box yet: it has neither a camera nor a password."""
        ...

    def code_fits(self, code: str) -> bool: ...
    def claim(self, password: SecretStr, code: str | None = None) -> SecretStr:
        """On the disk when it returns, as it is to be kept. With the code of a box without an owner, which is void then."""
        ...

    def state(self) -> Mapping[str, Any]:
        """What is set, without secrets; what is found; what waits for a new start."""
        ...

    def local_cameras(self) -> Sequence[Mapping[str, str]]: ...
    def try_camera(self, given: CameraGiven) -> Tried: ...
    def picture(self, camera: str) -> bytes | None:
        """Of the camera that was tried last, or one that is set and not running; JPEG."""
        ...

    def save_camera(self, given: CameraGiven) -> None: ...
    def remove_camera(self, name: str) -> None: ...
    def save_areas(self, camera: str, given: AreasGiven) -> None: ...
    def save_profile(self, name: str) -> None: ...
    def brokers(self) -> Sequence[Mapping[str, Any]]:
        """Those that announce themselves on this network; none is used unless it is saved."""
        ...

    def try_broker(self, given: BrokerGiven) -> Tried: ...
    def save_broker(self, given: BrokerGiven | None) -> None: ...
    def restart(self, sessions: Mapping[str, int]) -> None:
        """All is closed in order and begins anew, with these logins."""
        ...

    def reset(self, keep_recordings: bool) -> None:
        """At the next start, which is now, this box is as it came."""
        ...

    def logins(self) -> Mapping[str, int]:
        """Those handed over by the start before; once."""
        ...
