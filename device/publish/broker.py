"""Broker: where it is and how this box shows who it is, as its owner writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from broker.address import Address, Tls
from device.pipeline.strict import Strict


class BrokerOptions(Strict):
    """Where the broker is and how this box shows who it is."""

    host: str = Field(default="localhost", min_length=1, description="name or address; with transport unix the path of the socket")
    port: int = Field(default=1883, ge=1, le=65535, description="8883 is usual with TLS")
    transport: Literal["tcp", "unix"] = "tcp"
    tls: Literal["off", "on"] = Field(default="off", description="on: the broker is verified, by `ca` or by the system's authorities")
    ca: Path | None = Field(default=None, description="PEM file of the authority that signed the broker's certificate")
    cert: Path | None = Field(default=None, description="PEM file of this box's certificate; its CN is the device id")
    key: Path | None = Field(default=None, description="PEM file of the certificate's key")
    username: str | None = Field(default=None, description="where the broker asks for one")
    password: SecretStr | None = Field(default=None, description="better in VEDETTE_MQTT__PASSWORD than in a file")
    discover: bool = Field(default=False, description="look on the local network too: needs tls, ca, and host as in its certificate")
    client_id: str | None = Field(default=None, description="unique at the broker; default vedette-<device id>, and with `key` a secret")
    keepalive_s: int = Field(default=30, ge=1, le=3600, description="seconds of silence after which the broker is asked whether it lives")
    connect_timeout_s: float = Field(default=5, gt=0, le=60, description="seconds for each address, TLS, and the broker's first answer")
    session_expiry_s: int = Field(default=86_400, ge=1, description="seconds the broker keeps this box's session while it is away")
    will_delay_s: int = Field(default=15, ge=0, description="seconds of absence before the broker tells others that this box is lost")
    window: int = Field(default=10, ge=1, le=1000, description="unacknowledged messages at a time; the broker may ask for fewer")

    @model_validator(mode="after")
    def _verified_if_found(self) -> BrokerOptions:
        if self.discover and (self.tls == "off" or self.ca is None or "host" not in self.model_fields_set or self.transport != "tcp"):
            raise ValueError("anybody near can say to be the broker: it needs tls: on, ca, and host, the name in the broker's certificate")
        return self

    @property
    def sought(self) -> bool:
        """On the local network: where it says so, and a name that only mDNS knows, if a certificate proves it."""
        return self.discover or (self.tls == "on" and self.ca is not None and self.host.endswith(".local"))

    def where(self) -> str:
        return self.address("").where()

    def address(self, client_id: str, *, clean: bool = False) -> Address:
        """With `clean` nothing of us stays at the broker."""
        return Address(
            self.host, self.port, client_id, self.transport,
            tls=Tls(self.ca, self.cert, self.key) if self.tls == "on" else None,
            username=self.username, password=self.password.get_secret_value() if self.password else None,
            keepalive_s=self.keepalive_s, connect_timeout_s=self.connect_timeout_s,
            session_expiry_s=None if clean else self.session_expiry_s, window=self.window, setting="mqtt.", private=self.client_id is None,
        )  # fmt: skip
