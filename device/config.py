"""The configuration: environment over device.yaml over profile over the defaults in each class; every fault named at once."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from contracts.topics import DeviceId
from device import capture, stages
from device.pipeline.zone import Zone
from device.problems import BadConfig, Loc, Origins, Problem, from_pydantic, meant, read_yaml, shown
from device.publish.eventlog import Options as LogOptions
from device.publish.health import Options as HealthOptions
from device.publish.mqtt import Options as MqttOptions
from device.publish.outbox import Options as OutboxOptions
from device.record.options import PictureOptions, RecordOptions
from device.web.options import Options as PageOptions

PREFIX = "VEDETTE_"
SHARED = (Path(__file__).resolve().parents[1], Path(sys.prefix) / "share" / "vedette", Path("/etc/vedette"))
DEVICE_FILES = (Path("device.yaml"), Path("/etc/vedette/device.yaml"))


def host_id() -> str:
    """The host's name made into a device id (`[a-z0-9-]{3,40}`)."""
    kept = "".join(c if c.isalnum() and c.isascii() else "-" for c in socket.gethostname().lower()).strip("-")
    return (kept or "box")[:40].ljust(3, "0")


class Plug(BaseModel):
    """Something named by `use` with options of its own class; they are checked against that class."""

    model_config = ConfigDict(frozen=True, extra="allow")
    use: str


class Camera(Plug):
    """One camera: which source, its own options, and what is true of the place it looks at."""

    detection_fps: float | None = Field(default=None, gt=0, le=120, description="overrides detection_fps for this camera")
    zones: dict[str, Zone] = Field(default_factory=dict, description="name -> points in 0..1 of the picture, labels")


class Model(BaseModel):
    """How models run on this box."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    engine: str = Field(default="onnx", description="onnx or tensorrt", pattern="^(onnx|tensorrt)$")
    workers: int = Field(default=0, ge=0, le=64, description="frames in flight, one thread each; 0: as many as cores")
    mode: str = Field(default="throughput", pattern="^(throughput|latency)$", description="latency: one frame on all cores")
    folders: list[Path] = Field(default_factory=list, description="more places to look for bundles")


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        nested_model_default_partial_update=True,
    )
    device_id: DeviceId = Field(default_factory=host_id, description="this box on the wire: 3 to 40 of a-z, 0-9 and -")
    profile: str = Field(default="street", description="what the box is for: a name in configs/profiles or the path of a file")
    data: Path = Field(
        default_factory=lambda: Path(os.environ.get("STATE_DIRECTORY", "vedette-data").split(":")[0]),
        description="folder of all that is kept",
    )
    detection_fps: float = Field(default=10, gt=0, le=120, description="frames of each camera that are looked at, per second")
    cameras: dict[str, Camera] = Field(default_factory=dict)
    pipeline: dict[str, Plug] = Field(default_factory=dict)
    model: Model = Model()
    record: RecordOptions | None = Field(default=RecordOptions(), description="clips of events; null: none")
    pictures: PictureOptions | None = Field(default=PictureOptions(), description="a picture of each event; null: none")
    mqtt: MqttOptions | None = Field(default=None, description="the broker; null: none, events stay on this box")
    outbox: OutboxOptions = OutboxOptions()
    event_log: LogOptions = LogOptions(rotate="daily")
    health: HealthOptions = HealthOptions()
    page: PageOptions | None = Field(default=PageOptions(), description="the box's own page; null: none")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings


@dataclass(frozen=True)
class Loaded:
    """A configuration that passed, with the files it came from and the options of each plug, checked."""

    settings: Settings
    files: tuple[Path, ...]
    origins: Origins
    sources: Mapping[str, tuple[type, Any]]
    stages: Mapping[str, tuple[type, Any]]

    def digest(self) -> str:
        """What decides events: profile, pipeline and cameras, without secrets; the same configuration has the same digest."""
        decides = self.settings.model_dump(mode="json", include={"detection_fps", "pipeline", "cameras", "model"})
        hidden = {name: {k: shown(k, v) for k, v in camera.items()} for name, camera in decides["cameras"].items()}
        text = json.dumps({**decides, "cameras": hidden}, sort_keys=True, separators=(",", ":"))
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def load(device_file: Path | None = None, profile: str | None = None, overrides: Mapping[str, Any] | None = None) -> Loaded:
    """Read, merge and check. BadConfig carries every problem that could be found."""
    origins = Origins()
    chosen = device_file or next((path for path in DEVICE_FILES if path.exists()), None)
    device = read_yaml(chosen, origins) if chosen else {}
    wanted = profile or os.environ.get(PREFIX + "PROFILE") or device.get("profile") or Settings.model_fields["profile"].default
    profile_file = find_profile(str(wanted), chosen, origins)
    device_lines = dict(origins.lines)
    merged = merge(read_yaml(profile_file, origins), device)
    origins.lines.update(device_lines)
    origins.last_file = str(chosen or profile_file)
    merged = merge(merged, {**(overrides or {}), **({"profile": profile} if profile else {})})
    problems = check_environment(origins)
    settings = _settings(merged, origins, problems)
    plugs = settings and (
        _plugs(settings.cameras, "cameras", capture.SOURCES, origins, problems),
        _plugs(settings.pipeline, "pipeline", stages.STAGES, origins, problems),
    )
    if problems or not settings or not plugs:
        raise BadConfig(problems)
    return Loaded(settings, tuple(path for path in (profile_file, chosen) if path), origins, *plugs)


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
    return [path for place in places if (path := place / kind).is_dir()]


def find_profile(name: str, beside: Path | None, origins: Origins) -> Path:
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        return path if path.is_absolute() or not beside or path.exists() else beside.parent / path
    folders = shared("profiles", beside) + shared("configs/profiles")
    found = next((path for folder in folders if (path := folder / f"{name}.yaml").is_file()), None)
    if found:
        return found
    names = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
    where = origins.where(("profile",)) if ("profile",) in origins.lines else f"{PREFIX}PROFILE or --profile"
    raise BadConfig([Problem(where, "profile", repr(name), "there is no profile of that name", meant(name, names))])


def check_environment(origins: Origins) -> list[Problem]:
    """A misspelt VEDETTE_ variable is an error; the good ones are remembered as the origin of their key."""
    fields = {name.upper(): name for name in Settings.model_fields}
    problems = []
    for variable in sorted(name for name in os.environ if name.upper().startswith(PREFIX)):
        first, *rest = variable.upper()[len(PREFIX) :].split("__")
        if first not in fields:
            mend = meant(variable, [PREFIX + name for name in fields])
            problems.append(Problem("environment", variable, shown(variable, os.environ[variable]), "is not a variable of Vedette", mend))
            continue
        loc: Loc = (fields[first], *(part.lower() for part in rest))
        origins.variables[loc] = f"environment {variable}"
    return problems


def _settings(merged: dict[str, Any], origins: Origins, problems: list[Problem]) -> Settings | None:
    try:
        return Settings(**merged)
    except ValidationError as error:
        problems += from_pydantic(error.errors(), origins, known_keys(Settings))
    except ValueError as error:  # pydantic-settings: a variable that should be JSON and is not
        problems.append(Problem("environment", PREFIX + "...", "", str(error), "write its value as JSON"))
    return None


def known_keys(model: type[BaseModel], at: Loc = ()) -> dict[Loc, tuple[str, ...]]:
    """The keys allowed at each place of a model and the models inside it."""
    keys: dict[Loc, tuple[str, ...]] = {at: tuple(model.model_fields)}
    for name, info in model.model_fields.items():
        types = (info.annotation, *getattr(info.annotation, "__args__", ()))
        for each in (t for t in types if isinstance(t, type) and issubclass(t, BaseModel)):
            keys.update(known_keys(each, (*at, name)))
    return keys


def _plugs(
    plugs: Mapping[str, Plug], section: str, table: Mapping[str, str], origins: Origins, problems: list[Problem]
) -> dict[str, tuple[type, Any]]:
    """Each plug's class and its checked options."""
    found: dict[str, tuple[type, Any]] = {}
    for name, plug in plugs.items():
        loc: Loc = (section, name)
        cls = _resolve(table, plug.use, origins, loc, problems)
        if cls is None:
            continue
        options: type[BaseModel] = cls.Options  # type: ignore[attr-defined]  # _resolve checked it
        try:
            found[name] = (cls, options(**(plug.model_extra or {})))
        except ValidationError as error:
            problems += from_pydantic(error.errors(), origins, known_keys(options, loc), loc)
    return found


def _resolve(table: Mapping[str, str], use: str, origins: Origins, loc: Loc, problems: list[Problem]) -> type | None:
    """The class named by `use`: a name of the table, or a site's own `package.module:Class`."""
    key = ".".join(map(str, (*loc, "use")))
    target = table.get(use, use)
    if ":" not in target:
        problems.append(Problem(origins.where((*loc, "use")), key, repr(use), "is not known", meant(use, sorted(table))))
        return None
    module, _, name = target.partition(":")
    try:
        cls = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        mend = "install what it needs, or give the dotted path `package.module:Class` of a class that can be imported"
        problems.append(Problem(origins.where((*loc, "use")), key, repr(use), f"cannot be loaded: {error}", mend))
        return None
    if not isinstance(cls, type) or not hasattr(cls, "Options"):
        problems.append(Problem(origins.where((*loc, "use")), key, repr(use), "has no Options class", "add `class Options(Strict)` to it"))
        return None
    return cls
