"""Cluster: where a scheduler of other machines is, and by what it is trusted; plain connections only within this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from contracts.errors import ConfigError
from serving.addresses import is_loopback


@dataclass(frozen=True, slots=True)
class Cluster:
    """`address`: tls://host:port. The three files are PEM; who holds a certificate of that authority may run anything on every member."""

    address: str
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @property
    def tls(self) -> bool:
        return self.address.startswith("tls://")

    def check(self) -> None:
        """ConfigError when it may not be connected to."""
        scheme, host = _parts(self.address)
        if scheme == "tcp" and not is_loopback(host):
            raise ConfigError(
                f"--cluster {self.address}: anybody on the way could run programs on the workers; start the scheduler with TLS "
                f"and give tls://{host}:PORT with --cluster-ca, --cluster-cert and --cluster-key"
            )
        files = {"--cluster-ca": self.ca, "--cluster-cert": self.cert, "--cluster-key": self.key}
        if scheme == "tcp":
            if given := [name for name, path in files.items() if path]:
                raise ConfigError(f"{given[0]}: the address is plain tcp://, where no certificate is used; write tls://, or leave it out")
            return
        for name, path in files.items():
            _readable(name, path)


def _parts(address: str) -> tuple[str, str]:
    """Scheme and host."""
    try:
        split = urlsplit(address)
        host, port = split.hostname, split.port
    except ValueError:
        host = port = None
    if not host or not port or split.scheme not in {"tls", "tcp"} or split.path or split.query or split.username is not None:
        raise ConfigError(f"--cluster {address}: is no address of a scheduler; write tls://host:port")
    return split.scheme, host


def _readable(name: str, path: Path | None) -> None:
    if path is None:
        raise ConfigError(f"{name}: is missing; a cluster is trusted by its certificates: give the PEM file")
    try:
        with path.open("rb") as file:
            content = file.read(1 << 20)
    except OSError as error:
        raise ConfigError(f"{name} {path}: cannot be read ({error.strerror}); correct the path or its rights") from error
    if b"-----BEGIN " not in content:
        raise ConfigError(f"{name} {path}: is no PEM file; give the one that was made for this cluster")
