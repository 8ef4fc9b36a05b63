"""Configurations as releases: looked over before they are signed, numbered by name, and one that is empty to go back to none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from contracts.errors import ConfigError
from contracts.update import CONFIG_KEPT, MAX_CONFIG_BYTES, ConfigRevision
from trainer.push.repository import Repository
from trainer.registry.keys import SigningKey

EMPTY = b"# nothing: what the box had without a pushed configuration\n{}\n"
NONE = "none"  # its name


def release_config(repository: Repository, file: Path, name: str, key: SigningKey) -> ConfigRevision:
    """ConfigError for what no box would take. A file that was released under this name keeps its number."""
    if name == NONE:
        raise ConfigError(f"--name {NONE}: is that of the empty configuration; choose another")
    try:
        with file.open("rb") as opened:
            body = opened.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}; give the path of a configuration") from error
    require_usable(file, body)
    repository.release_config(EMPTY, NONE, key)
    return repository.release_config(body, name, key)


def require_usable(file: Path, body: bytes) -> None:
    """What can be said without the box: each says the rest itself, and refuses with E_CONFIG."""
    if len(body) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{file}: is larger than {MAX_CONFIG_BYTES >> 10} KiB, which is what a box reads; leave out what is a default")
    try:
        said: Any = yaml.safe_load(body.decode("utf-8-sig"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}:{mark.line + 1}" if mark else str(file)
        reason = getattr(error, "problem", None) or type(error).__name__
        raise ConfigError(f"{place}: cannot be read as YAML: {reason}; mend it") from error
    if not isinstance(said, dict):
        raise ConfigError(f"{file}: is not a mapping of keys to values; write `key: value` lines, as in device.yaml")
    if kept := sorted(str(key) for key in said if key in CONFIG_KEPT):
        raise ConfigError(f"{file}: {', '.join(kept)}: no box takes this from outside; remove it, the owner sets it there")


def back_to(before: str | None, released: dict[str, ConfigRevision]) -> ConfigRevision | None:
    """What the box had: that revision, or for none the empty one. None: it is not released any more."""
    if before is None:
        return next((each for target, each in released.items() if target.startswith(f"configs/{NONE}/")), None)
    return next((each for each in released.values() if f"sha256:{each.sha256}" == before), None)
