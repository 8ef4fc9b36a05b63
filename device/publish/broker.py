"""Broker: where it is, how this box shows who it is, and what its refusals mean."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from contracts.errors import ConfigError
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
    client_id: str | None = Field(default=None, description="unique at the broker; default vedette-<device id>")
    keepalive_s: int = Field(default=30, ge=1, le=3600, description="seconds of silence after which the broker is asked whether it lives")
    connect_timeout_s: float = Field(default=5, gt=0, le=60, description="seconds for each address, TLS, and the broker's first answer")
    session_expiry_s: int = Field(default=86_400, ge=1, description="seconds the broker keeps this box's session while it is away")
    will_delay_s: int = Field(default=15, ge=0, description="seconds of absence before the broker tells others that this box is lost")
    window: int = Field(default=10, ge=1, le=1000, description="unacknowledged messages at a time; the broker may ask for fewer")

    def where(self) -> str:
        return self.host if self.transport == "unix" else f"{self.host}:{self.port}"


def tls_context(options: BrokerOptions) -> ssl.SSLContext:
    """TLS 1.2 or later, the broker's name and certificate verified; ConfigError names the file that is wrong."""
    for name in ("ca", "cert", "key"):
        path = getattr(options, name)
        if path is not None and not path.is_file():
            raise ConfigError(f"mqtt.{name}: {path} is not a file; put the PEM file there or correct the path")
    try:
        context = ssl.create_default_context(cafile=str(options.ca) if options.ca else None)
        if options.cert is not None:
            context.load_cert_chain(options.cert, options.key)
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(f"mqtt.ca, cert, key: {error}; they must be PEM files, the key that of the certificate") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def said(error: Exception, options: BrokerOptions) -> str:
    """Why a connection could not be made, in the owner's words."""
    where = options.where()
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker at {where} shows a certificate that mqtt.ca does not vouch for: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS with the broker at {where} failed: {error.reason or error}; check mqtt.port, tls, cert and key"
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return f"no broker at {where}: {reason.lower()}; start it or correct mqtt.host and mqtt.port"
