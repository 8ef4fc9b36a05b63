"""Address: where a broker is, how we show who we are, and what its refusals mean in the words of whoever set it up."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

from contracts.errors import ConfigError

OF_A_KEY = b"a client's name at the broker\0"


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files: who vouches for the broker (None: the system's authorities), our certificate and its key."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Address:
    host: str  # the path of a socket where transport is unix
    port: int
    client_id: str
    transport: Literal["tcp", "unix"] = "tcp"
    tls: Tls | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    keepalive_s: int = 30
    connect_timeout_s: float = 5  # for each address, TLS, and the broker's first answer
    session_expiry_s: int | None = None  # how long our session is kept while we are away; None: a clean one that ends with us
    window: int = 10  # of ours unacknowledged at a time; the broker may ask for fewer
    accepts: int | None = None  # of theirs before we acknowledge; None: as many as MQTT has numbers
    name: str | None = None  # that its certificate bears, where it is reached by another: found on the local network; None: host
    private: bool = False  # with a key of ours, nobody else can know what we call ourselves at the broker
    setting: str = ""  # stands before the name of a setting in messages: `mqtt.`, `--`

    def where(self) -> str:
        return self.host if self.transport == "unix" else f"{self.host}:{self.port}"

    def identity(self) -> str:
        """What we call ourselves at the broker. Whoever else connects by that name puts us out and empties our session, whatever it is
        allowed to say: so, with a certificate, the name has a part that follows from its key."""
        secret = (self.tls.key or self.tls.cert) if self.private and self.tls else None
        try:
            return f"{self.client_id}-{sha256(OF_A_KEY + secret.read_bytes()).hexdigest()[:16]}" if secret else self.client_id
        except OSError:
            return self.client_id  # `tls_context` says what is wrong with the file

    def named(self, *names: str) -> str:
        """The settings as their owner writes them: `mqtt.port, tls and key`, `--port, --tls and --key`."""
        each = self.setting if self.setting.startswith("-") else ""
        *others, last = names
        return self.setting + (f", {each}".join(others) + f" and {each}" if others else "") + last


def tls_context(address: Address) -> ssl.SSLContext:
    """TLS 1.2 or later, the broker's name and certificate verified; ConfigError names the file that is wrong."""
    files = address.tls or Tls()
    for name in ("ca", "cert", "key"):
        path = getattr(files, name)
        if path is not None and not path.is_file():
            raise ConfigError(f"{address.named(name)}: {path} is not a file; put the PEM file there or correct the path")
    try:
        context = ssl.create_default_context(cafile=str(files.ca) if files.ca else None)
        if files.cert is not None:
            context.load_cert_chain(files.cert, files.key)
    except (ssl.SSLError, OSError) as error:
        named = address.named("ca", "cert", "key")
        raise ConfigError(f"{named}: {error}; they must be PEM files, the key that of the certificate") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def said(error: Exception, address: Address) -> str:
    """Why a connection could not be made, in the owner's words."""
    where, named = address.where(), address.named
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker at {where} shows a certificate that {named('ca')} does not vouch for: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS with the broker at {where} failed: {error.reason or error}; check {named('port', 'tls', 'cert', 'key')}"
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return f"no broker at {where}: {reason.lower()}; start it or correct {named('host')} and {named('port')}"
