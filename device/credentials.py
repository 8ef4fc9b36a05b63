"""Credentials: secrets that systemd lays into a folder only this service can read (LoadCredential=), named like variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from contracts.errors import ConfigError

FOLDER = "CREDENTIALS_DIRECTORY"
LARGEST = 64 << 10  # bytes; a password is short, and nobody puts a film here


def read_credentials(prefix: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """By name, each without the newline an editor leaves behind; those of other programs are not ours. ConfigError names a bad file."""
    place = environment.get(FOLDER)
    if not place:
        return {}
    try:
        files = sorted(path for path in Path(place).iterdir() if path.name.upper().startswith(prefix))
    except OSError as error:
        raise ConfigError(f"credentials {place}: {error.strerror}; see LoadCredential= of the service") from error
    return {path.name: _text(path) for path in files}


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
        text = raw.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"credential {path.name}: cannot be read as text: {getattr(error, 'strerror', None) or error}") from error
    if len(raw) > LARGEST or "\0" in text:
        raise ConfigError(f"credential {path.name}: is no secret of at most {LARGEST >> 10} KiB of text; correct LoadCredential=")
    return text.removesuffix("\n").removesuffix("\r")
