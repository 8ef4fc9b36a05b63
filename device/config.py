"""The configuration: layer over layer, from the defaults to the command line (device/layers.py); every fault named at once."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic_settings import EnvSettingsSource

from device import capture, stages
from device.credentials import read_credentials
from device.documents import read_yaml
from device.grafts import grafted
from device.layers import OWNER, PUSHED, REVISION, Layer, Layered, Nullable, barred, null_is_a_value, read_layer
from device.masks import masks_of, named
from device.plugs import options_of, resolved
from device.problems import BadConfig, Loc, Origins, Problem, from_pydantic, known_keys, meant, shown
from device.scrub import masked, scrub
from device.settings import PREFIX, Camera, Model, Settings, host_id

__all__ = ["Camera", "Loaded", "Model", "Said", "Settings", "host_id", "load", "merge", "shared", "there"]
# The trainer's, which may be set where both run; not its VEDETTE_MQTT_PASSWORD and VEDETTE_EXPORT_TOKEN, which look like ours, misspelt.
TRAINERS = frozenset({"TRAINER_HOME", "TRAINER_PASSWORD", "STORE", "BLOBS", "KEY_PASSPHRASE", "ROOT_PASSPHRASE", "PKI", "PKI_PASSPHRASE"})
SHARED = (Path(__file__).resolve().parents[1], Path(sys.prefix) / "share" / "vedette", Path("/etc/vedette"))
DEVICE_FILES = (Path("device.yaml"), Path("/etc/vedette/device.yaml"))


@dataclass(frozen=True)
class Said:
    """How `load` was called: what is needed to load the same once more. `owner` and `revision` stand for what is in the data folder."""

    device_file: Path | None = None
    profile: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    owner: Path | None = None
    revision: Path | Literal["none"] | None = None


@dataclass(frozen=True)
class Loaded:
    """A configuration that passed, with the files it came from and the options of each plug, checked."""

    settings: Settings
    files: tuple[Path, ...]
    origins: Origins
    sources: Mapping[str, tuple[type, Any]]
    stages: Mapping[str, tuple[type, Any]]
    layered: Layered = field(default_factory=Layered)
    said: Said = field(default_factory=Said)
    pushed: str | None = None  # SHA-256 of the revision that is in it
    set_aside: str = ""  # why it is not the revision that is linked

    def digest(self) -> str:
        """What decides events: profile, pipeline and cameras, without secrets; the same configuration has the same digest."""
        decides = self.settings.model_dump(mode="json", include={"detection_fps", "pipeline", "cameras", "model"})
        for camera in decides["cameras"].values():
            camera.pop("masks")
        if hidden := {name: outlines for name in sorted(named(self.settings)) if (outlines := masks_of(self.settings, name))}:
            decides["masks"] = hidden
        decides["order"] = list(self.settings.pipeline)
        text = json.dumps(masked(decides), sort_keys=True, separators=(",", ":"))
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def load(
    device_file: Path | None = None, profile: str | None = None, overrides: Mapping[str, Any] | None = None, *,
    owner: Path | None = None, revision: Path | Literal["none"] | None = None,
) -> Loaded:  # fmt: skip
    """Read, merge and check. BadConfig carries every problem that could be found. `owner`, `revision`: these files, not those in force."""
    said = Said(device_file, profile, overrides or {}, owner, revision)
    origins, problems = Origins(), list[Problem]()
    chosen = _chosen(device_file)
    file = Layer("file", read_yaml(chosen, origins), dict(origins.lines)) if chosen else Layer("file", {})
    secrets = read_credentials(PREFIX)
    problems += check_environment(origins, secrets)
    environment = Layer("environment", _environment(problems, secrets))
    last = Layer("command line", {**said.overrides, **({"profile": profile} if profile else {})})
    data = _data(file.values, environment.values, last.values)
    kept = [layer for layer in (_kept(data, "owner", owner, origins), _kept(data, "pushed", revision, origins)) if layer]
    upper = [file, *(layer for layer, _ in kept), environment, last]
    if refused := [problem for layer, path in kept for problem in barred(layer, _below(layer, upper), str(path))]:
        raise BadConfig(refused)  # before anything that it names is looked at
    layered = _layered(upper, chosen, origins)
    origins.variables.update({loc: "--profile" if profile and loc == ("profile",) else "--set" for loc in _keys(last.values)})
    whole = grafted(layered.values, origins)
    settings = _settings(whole, origins, problems)
    plugs = settings and (
        resolved(settings.cameras, "cameras", capture.SOURCES, origins, problems),
        resolved(settings.pipeline, "pipeline", stages.STAGES, origins, problems),
    )
    if problems or not settings or not plugs:
        raise BadConfig(problems)
    files = tuple(path for path in (Path(origins.profile), chosen, *(path for _, path in kept)) if path)
    return Loaded(settings, files, origins, *plugs, layered, said, _digest(kept))


def _chosen(device_file: Path | None) -> Path | None:
    """The service always names its place; until somebody writes a file there, the box is set up on its page."""
    if device_file == DEVICE_FILES[-1] and not there(device_file):
        return None
    return device_file or next((path for path in DEVICE_FILES if there(path)), None)


def _layered(upper: Sequence[Layer], chosen: Path | None, origins: Origins) -> Layered:
    """The profile is the lowest, and any of the others may name it. Its lines count least."""
    named = next((layer.values["profile"] for layer in reversed(upper) if layer.values.get("profile")), None)
    path = find_profile(str(named or Settings.model_fields["profile"].default), chosen, origins)
    mine = Origins()
    layered = Layered().over(Layer("profile", read_yaml(path, mine)), NULLABLE)
    origins.lines, origins.profile = {**mine.lines, **origins.lines}, str(path)
    if not chosen and origins.last_file == Origins.last_file:
        origins.last_file = str(path)
    for layer in upper:
        layered = layered.over(layer, NULLABLE)
    return layered


def _data(*layers: Mapping[str, Any]) -> Path | None:
    """The folder that the others lie in; None where it is not said as a path, which is then found to be wrong."""
    data = next((layer["data"] for layer in reversed(layers) if layer.get("data") is not None), None)
    return Path(data) if isinstance(data, (str, Path)) else Settings.model_fields["data"].get_default(call_default_factory=True)


def _kept(data: Path | None, name: Literal["owner", "pushed"], instead: Path | str | None, origins: Origins) -> tuple[Layer, Path] | None:
    """A layer that lies in the data folder, and where; None where there is none."""
    if data is None or instead == "none":
        return None
    path = Path(instead) if instead else data / (OWNER if name == "owner" else PUSHED / "current" / REVISION)
    return (read_layer(name, path, origins), path) if instead or there(path) else None


def _below(layer: Layer, upper: Sequence[Layer]) -> Mapping[str, Any]:
    under = Layered()
    for each in upper[: upper.index(layer)]:
        under = under.over(each, NULLABLE)
    return under.values


def _digest(kept: Sequence[tuple[Layer, Path]]) -> str | None:
    path = next((path for layer, path in kept if layer.name == "pushed"), None)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path else None


def there(path: Path) -> bool:
    """A file that may not be looked at is there: reading it then says so. A name that cannot be one is not."""
    try:
        return path.exists()
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False


def _keys(value: Mapping[str, Any], at: Loc = ()) -> Iterator[Loc]:
    for key, item in value.items():
        yield (*at, key)
        if isinstance(item, dict):
            yield from _keys(item, (*at, key))


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings are merged key by key, anything else is replaced; the order of `under` is kept."""
    merged = dict(under)
    for key, value in over.items():
        mine = merged.get(key)
        merged[key] = merge(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else value
    return merged


def shared(kind: str, beside: Path | None = None) -> list[Path]:
    """Where the files that come with the software are: beside device.yaml, in the source tree, in the installation."""
    places = [*([beside.parent] if beside else []), *SHARED]
    return [path for place in places if there(path := place / kind)]


def find_profile(name: str, beside: Path | None, origins: Origins) -> Path:
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        return path if path.is_absolute() or not beside or there(path) else beside.parent / path
    folders = shared("profiles", beside) + shared("configs/profiles")
    found = next((path for folder in folders if there(path := folder / f"{name}.yaml")), None)
    if found:
        return found
    names = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
    where = origins.where(("profile",)) if ("profile",) in origins.lines else f"{PREFIX}PROFILE or --profile"
    raise BadConfig([Problem(where, "profile", repr(name), "there is no profile of that name", meant(name, names))])


def check_environment(origins: Origins, secrets: Mapping[str, str]) -> list[Problem]:
    """A misspelt VEDETTE_ variable or credential is an error; the good ones are remembered as the origin of their key."""
    fields = {name.upper(): name for name in Settings.model_fields}
    problems = []
    given = {**dict.fromkeys(secrets, "credential"), **{name: "environment" for name in os.environ if name.upper().startswith(PREFIX)}}
    for variable, place in sorted(given.items()):
        first, *rest = variable.upper()[len(PREFIX) :].split("__")
        if first in TRAINERS and not rest:
            continue
        if first not in fields:
            mend = meant(variable, [PREFIX + name for name in fields])
            value = shown(variable, os.environ[variable]) if variable in os.environ else "(hidden)"
            problems.append(Problem(place, variable, value, "is not a variable of Vedette", mend))
            continue
        loc: Loc = (fields[first], *(part.lower() for part in rest))
        origins.variables[loc] = f"{place} {variable}"
    return problems


def _environment(problems: list[Problem], secrets: Mapping[str, str]) -> dict[str, Any]:
    """What the variables say, and the credentials where no variable does, as it would stand in device.yaml."""
    source = EnvSettingsSource(Settings)
    source.env_vars = {**{name.lower(): value for name, value in secrets.items()}, **source.env_vars}
    try:
        return source()
    except ValueError as error:  # pydantic-settings: a variable that should be JSON and is not
        problems.append(Problem("environment", PREFIX + "...", "", scrub(str(error)), "write its value as JSON"))
        return {}


def _options(section: str, use: str) -> type[BaseModel] | None:
    return options_of(use, capture.SOURCES if section == "cameras" else stages.STAGES)


NULLABLE: Nullable = null_is_a_value(Settings, _options)


def _settings(merged: dict[str, Any], origins: Origins, problems: list[Problem]) -> Settings | None:
    ours = sorted(key for key in merged if key.startswith("_"))  # pydantic-settings would take `_env_file` for an order to itself
    problems += [Problem(origins.where((key,)), key, "", "is not a known key", "remove it") for key in ours]
    try:
        return Settings(**{key: value for key, value in merged.items() if key not in ours})
    except ValidationError as error:
        problems += from_pydantic(error.errors(), origins, known_keys(Settings))
    return None
