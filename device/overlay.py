"""Overlay: owner.yaml, what the page wrote: changed key by key, checked with every other layer, and on the disk before it counts."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from contracts.errors import ConfigError
from contracts.files import make_folders, storage, write_durably
from device.config import Loaded, Said, load
from device.documents import MAX_BYTES, read_yaml
from device.layers import OWNER, LayerName
from device.problems import BadConfig, Loc, Origins

HEAD = "# Written by this box's page; it counts more than device.yaml. Change it there, or here while the box is stopped.\n"
PRIVATE = 0o600  # it may hold the page's password and those of cameras
LATER: Mapping[LayerName, str] = {
    "pushed": "a revision that was pushed to this box says it",
    "environment": "a variable or credential of the service says it",
    "command line": "an argument of the program says it",
}


def write_owner(data: Path, changes: Mapping[str, Any], *, forget: Iterable[Loc] = (), said: Said | None = None) -> None:
    """Merged into what is there, as a layer is: null removes a key, also one of device.yaml; `forget` takes back what the page said of
    a key. BadConfig where the whole is then wrong, ConfigError where a later layer would win, StorageError: nothing has changed.
    `said`: how this box's configuration is loaded (`Loaded.said`); without it, as `vedette run` without arguments does."""
    said = said or Said()
    with _alone(data) as path:
        before = read_yaml(path, Origins()) if path.is_file() else {}
        values = _changed(_without(before, [tuple(map(str, loc)) for loc in forget]), changes)
        _require_free(data, changes, said)
        text = HEAD + yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
        if len(text.encode()) > MAX_BYTES:
            raise ConfigError(f"{path}: would be larger than {MAX_BYTES >> 10} KiB; remove zones or cameras")
        tried = path.with_name("owner.yaml.new")
        try:
            write_durably(tried, text.encode(), PRIVATE)
            load(said.device_file, said.profile, _in(data, said), owner=tried, revision=said.revision)
        finally:
            with suppress(OSError):
                tried.unlink()
        write_durably(path, text.encode(), PRIVATE)


def later(loaded: Loaded) -> dict[str, str]:
    """The keys that the page may not change, since a later layer says them, and why; a section stands for all that is in it."""
    return {
        ".".join(map(str, loc)): LATER[layer]
        for loc, layer in loaded.layered.layers.items()
        if layer in LATER and not isinstance(_value(loaded.layered.values, loc), Mapping)
    }


def _require_free(data: Path, changes: Mapping[str, Any], said: Said) -> None:
    """What the owner sets must count, or they would wonder."""
    try:
        locked = later(load(said.device_file, said.profile, _in(data, said), revision=said.revision))
    except BadConfig:
        return  # what is there is wrong already: these changes may be the mend, and are judged as a whole
    for loc in _leaves(changes):
        key = ".".join(map(str, loc))
        why = next((words for name, words in locked.items() if f"{key}.".startswith(f"{name}.") or f"{name}.".startswith(f"{key}.")), "")
        if why:
            raise ConfigError(f"{key}: cannot be changed here, {why}; change it there")


def _in(data: Path, said: Said) -> dict[str, Any]:
    return {**said.overrides, "data": str(data)}


def _changed(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Another `use` is another camera or stage: nothing of the old one is left."""
    after = dict(before)
    for key, value in changes.items():
        mine = after.get(key)
        if not isinstance(value, Mapping):
            after[key] = value
        elif isinstance(mine, Mapping) and ("use" not in value or value["use"] == mine.get("use")):
            after[key] = _changed(mine, value)
        else:
            after[key] = _changed({}, value)
    return after


def _without(values: Mapping[str, Any], forget: Iterable[tuple[str, ...]]) -> dict[str, Any]:
    """Sections that have nothing left go too."""
    after = dict(values)
    for first, *rest in forget:
        mine = after.get(first)
        inner = _without(mine, [tuple(rest)]) if rest and isinstance(mine, Mapping) else {}
        if inner:
            after[first] = inner
        else:
            after.pop(first, None)
    return after


def _leaves(values: Mapping[str, Any], at: Loc = ()) -> Iterator[Loc]:
    for key, value in values.items():
        yield from _leaves(value, (*at, key)) if isinstance(value, Mapping) and value else iter([(*at, key)])


def _value(values: Any, loc: Loc) -> Any:
    for key in loc:
        try:
            values = values[key]
        except (KeyError, IndexError, TypeError):
            return None
    return values


@contextmanager
def _alone(data: Path) -> Iterator[Path]:
    """Of threads and processes that write it, one does."""
    path = data / OWNER
    with storage(path):
        make_folders(path.parent)
        handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield path
    finally:
        os.close(handle)
