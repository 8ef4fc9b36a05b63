"""Options of the ingest: where the broker is, how much at once, when what is missing is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from broker.address import Address, Tls


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="localhost", min_length=1, description="name or address; with transport unix the path of the socket")
    port: int = Field(default=1883, ge=1, le=65535, description="8883 is usual with TLS")
    transport: Literal["tcp", "unix"] = "tcp"
    tls: bool = Field(default=False, description="the broker is verified, by `ca` or by the system's authorities")
    ca: Path | None = Field(default=None, description="PEM file of the authority that signed the broker's certificate")
    cert: Path | None = Field(default=None, description="PEM file of this machine's certificate")
    key: Path | None = Field(default=None, description="PEM file of the certificate's key")
    username: str | None = None
    password: SecretStr | None = None
    client_id: str = Field(default="vedette-trainer", pattern=r"^[A-Za-z0-9_-]{1,64}$", description="unique at the broker; its session")
    keepalive_s: int = Field(default=30, ge=1, le=3600)
    connect_timeout_s: float = Field(default=5, gt=0, le=60)
    session_expiry_s: int = Field(default=7 * 86_400, ge=1, description="seconds the broker keeps our session while we are away")
    reconnect_min_s: float = Field(default=1, gt=0, le=600, description="first pause between attempts, seconds; jittered, doubled")
    reconnect_max_s: float = Field(default=60, gt=0, le=3600)
    window: int = Field(default=500, ge=1, le=10_000, description="messages the broker may send before we acknowledge: bounds memory")
    group_ms: int = Field(default=50, ge=0, le=5000, description="messages of so many ms are one transaction, or a full window is")
    retry_s: float = Field(default=1, gt=0, le=600, description="how often a store that refused is tried again")
    max_devices: int = Field(default=20_000, ge=1, description="messages of more boxes than these are refused")
    health_kept: int = Field(default=1000, ge=1, description="newest reports of each kind kept of each box")
    ask_after_s: float = Field(default=30, ge=0, description="a gap that is older is asked for; what is under way fills it before")
    ask_again_max_s: float = Field(default=3600, gt=0, description="longest pause between two questions for one gap; doubled each time")
    asks: int = Field(default=20, ge=1, description="so often a gap is asked for before it is given up")

    def address(self) -> Address:
        return Address(
            self.host, self.port, self.client_id, self.transport,
            tls=Tls(self.ca, self.cert, self.key) if self.tls else None,
            username=self.username, password=self.password.get_secret_value() if self.password else None,
            keepalive_s=self.keepalive_s, connect_timeout_s=self.connect_timeout_s,
            session_expiry_s=self.session_expiry_s, accepts=self.window, setting="--", private=True,
        )  # fmt: skip
