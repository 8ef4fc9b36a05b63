"""Broker: what an owner types about one, made into its options, its files kept on this box; tried by connecting."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from contracts.errors import ConfigError, StorageError, VedetteError
from contracts.files import refuse_links, storage, write_durably
from device.clock import Clock
from device.neighbours import knock
from device.publish.mqtt import Options
from device.web.setup_owner import BrokerGiven, Tried

log = logging.getLogger(__name__)
FOLDER = Path("config/broker")  # in the data folder
FILES = ("ca", "cert", "key")
SECRET = 0o600
PEM = "-----BEGIN "


def options_of(given: BrokerGiven, before: Options | None, data: Path) -> dict[str, Any]:
    """As it stands in a configuration; its files are on the disk when this returns. Every key is said: what it is not is null."""
    same = before is not None and (before.host, before.port) == (given.host, given.port)
    kept = before if same else None
    said: dict[str, Any] = {"host": given.host, "port": given.port, "tls": given.tls, "username": given.username or None}
    said["password"] = _password(given, kept)
    for name in FILES:
        said[name] = _file(name, getattr(given, name), kept, data) if given.tls == "on" else None
    if (said["cert"] is None) != (said["key"] is None):
        raise ConfigError("broker: a certificate and its key belong together; give both, or none")
    return said


def _password(given: BrokerGiven, kept: Options | None) -> str | None:
    if given.password is not None:
        return given.password.get_secret_value() or None
    same_user = kept is not None and kept.username == (given.username or None)
    as_safe = kept is not None and not (kept.tls == "on" and given.tls == "off")
    return kept.password.get_secret_value() if kept and same_user and as_safe and kept.password else None


def _file(name: str, given: SecretStr | None, kept: Options | None, data: Path) -> str | None:
    """Its name comes from what is in it: one that is in force is never written over by one that is tried."""
    if given is None:
        path: Path | None = getattr(kept, name) if kept else None
        return str(path) if path else None
    text = given.get_secret_value().strip()
    if not text:
        return None
    if PEM not in text or not text.isascii():
        raise ConfigError(f"broker: the {name} is not a PEM file; it begins with {PEM}...")
    place = data.absolute() / FOLDER / f"{name}-{sha256(text.encode()).hexdigest()[:16]}.pem"
    refuse_links(data.absolute(), place)
    write_durably(place, text.encode() + b"\n", SECRET)
    return str(place)


def tried(said: Mapping[str, Any], device_id: str, clock: Clock) -> Tried:
    """Connects as the box would, and leaves no trace."""
    try:
        options = Options.model_validate({key: value for key, value in said.items() if value is not None})
        reason = knock(options, device_id, clock)
    except VedetteError as error:
        reason = str(error)
    if reason is None:
        return Tried(True, f"{options.where()} takes this box")
    text, _, mend = reason.partition("; ")
    return Tried(False, text, mend or "see the broker's log")


def sweep(data: Path, used: Options | None) -> None:
    """Files of tries and of brokers before go."""
    folder = data.absolute() / FOLDER
    wanted = {getattr(used, name) for name in FILES} if used else set()
    try:
        with storage(folder):
            for path in folder.glob("*.pem"):
                if path not in wanted:
                    path.unlink()
    except StorageError as error:
        log.warning("files of a broker before could not be removed: %s", error)


def shown(options: Options | None) -> dict[str, Any] | None:
    if options is None:
        return None
    files = {f"has_{name}": getattr(options, name) is not None for name in FILES}
    secret = {"username": options.username or "", "has_password": options.password is not None}
    return {"host": options.host, "port": options.port, "tls": options.tls, **secret, **files}
