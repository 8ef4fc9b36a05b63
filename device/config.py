"""The configuration: command line over environment over device.yaml over profile over defaults; every fault named at once."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from contracts.topics import DeviceId
from device import capture, stages
from device.credentials import read_credentials
from device.documents import read_yaml
from device.export.export_options import ExportOptions
from device.grafts import grafted
from device.keep.options import StorageOptions
from device.pipeline.line import Line
from device.pipeline.zone import Zone
from device.plugs import Plug, resolved
from device.problems import BadConfig, Loc, Origins, Problem, from_pydantic, known_keys, meant, shown
from device.publish.eventlog import Options as LogOptions
from device.publish.health import Options as HealthOptions
from device.publish.mqtt import Options as MqttOptions
from device.publish.outbox_options import Options as OutboxOptions
from device.record.options import PictureOptions, RecordOptions
from device.record.session_options import SessionOptions
from device.scrub import masked, scrub
from device.update.options import Options as UpdateOptions
from device.web.options import Options as PageOptions

PREFIX = "VEDETTE_"
# The trainer's, which may be set where both run; not its VEDETTE_MQTT_PASSWORD and VEDETTE_EXPORT_TOKEN, which look like ours, misspelt.
TRAINERS = frozenset({"TRAINER_HOME", "TRAINER_PASSWORD", "STORE", "BLOBS", "KEY_PASSPHRASE", "ROOT_PASSPHRASE", "PKI", "PKI_PASSPHRASE"})
SHARED = (Path(__file__).resolve().parents[1], Path(sys.prefix) / "share" / "vedette", Path("/etc/vedette"))
DEVICE_FILES = (Path("device.yaml"), Path("/etc/vedette/device.yaml"))


def host_id() -> str:
    """The host's name made into a device id (`[a-z0-9-]{3,40}`)."""
    kept = "".join(c if c.isalnum() and c.isascii() else "-" for c in socket.gethostname().lower()).strip("-")
    return (kept or "box")[:40].ljust(3, "0")


class Camera(Plug):
    """One camera: which source, its own options, and what is true of the place it looks at."""

    detection_fps: float | None = Field(default=None, gt=0, le=120, description="overrides detection_fps for this camera")
    zones: dict[str, Zone] = Field(default_factory=dict, description="name -> points in 0..1 of the picture, labels")
    lines: dict[str, Line] = Field(default_factory=dict, description="name -> both ends in 0..1 of the picture, labels")


class Model(BaseModel):
    """How models run on this box."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    engine: str = Field(default="onnx", description="onnx or tensorrt", pattern="^(onnx|tensorrt)$")
    workers: int = Field(default=0, ge=0, le=64, description="frames in flight, one thread each; 0: as many as cores")
    mode: str = Field(default="throughput", pattern="^(throughput|latency)$", description="latency: one frame on all cores")
    folders: list[Path] = Field(default_factory=list, description="more places to look for bundles")
    trial_s: float = Field(default=120, ge=0, le=3600, description="seconds that a bundle's first trial may take; 0: none is tried")
    trial_memory_mb: int = Field(default=2048, ge=768, le=1 << 20, description="memory of that trial, MiB; for engine onnx")


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        nested_model_default_partial_update=True,
        env_parse_none_str="null",
        env_ignore_empty=True,  # `VEDETTE_DATA=` in a unit's environment file means nothing, not the working directory
    )
    device_id: DeviceId = Field(default_factory=host_id, description="this box on the wire: 3 to 40 of a-z, 0-9 and -")
    profile: str = Field(default="street", description="what the box is for: a name in configs/profiles or the path of a file")
    data: Path = Field(
        default_factory=lambda: Path(os.environ.get("STATE_DIRECTORY", "vedette-data").split(":")[0]),
        description="folder of all that is kept",
    )
    detection_fps: float = Field(default=10, gt=0, le=120, description="frames of each camera that are looked at, per second")
    patience_ms: int = Field(default=0, ge=0, le=10_000, description="so long a live frame may wait for analysis, each in memory; 0: none")
    cameras: dict[Annotated[str, Field(min_length=1, max_length=64)], Camera] = Field(default_factory=dict)
    pipeline: dict[str, Plug] = Field(default_factory=dict)
    model: Model = Model()
    record: RecordOptions | None = Field(default=RecordOptions(), description="clips of events; null: none")
    recording: SessionOptions | None = Field(default=None, description="sessions of takes, with a clip of every camera each; null: none")
    pictures: PictureOptions | None = Field(default=PictureOptions(), description="a picture of each event; null: none")
    export: ExportOptions = Field(default=ExportOptions(), description="training data: pictures with what was seen in them")
    storage: StorageOptions = Field(default=StorageOptions(), description="how long things are kept, and how much room they get")
    mqtt: MqttOptions | None = Field(default=None, description="the broker; null: none, events stay on this box")
    outbox: OutboxOptions = OutboxOptions()
    event_log: LogOptions = LogOptions(rotate="daily")
    health: HealthOptions = HealthOptions()
    page: PageOptions | None = Field(default=PageOptions(), description="the box's own page; null: none")
    update: UpdateOptions | None = Field(default=None, description="models pushed by a trainer; null: the box keeps the one it came with")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)  # `load` merges: the order is its matter


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
        decides["order"] = list(self.settings.pipeline)
        text = json.dumps(masked(decides), sort_keys=True, separators=(",", ":"))
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def load(device_file: Path | None = None, profile: str | None = None, overrides: Mapping[str, Any] | None = None) -> Loaded:
    """Read, merge and check. BadConfig carries every problem that could be found."""
    origins = Origins()
    chosen = device_file or next((path for path in DEVICE_FILES if there(path)), None)
    device = read_yaml(chosen, origins) if chosen else {}
    wanted = profile or os.environ.get(PREFIX + "PROFILE") or device.get("profile") or Settings.model_fields["profile"].default
    profile_file = find_profile(str(wanted), chosen, origins)
    device_lines = dict(origins.lines)
    merged = merge(read_yaml(profile_file, origins), device)
    origins.lines.update(device_lines)
    origins.last_file = str(chosen or profile_file)
    said = {**(overrides or {}), **({"profile": profile} if profile else {})}
    secrets = read_credentials(PREFIX)
    problems = check_environment(origins, secrets)
    origins.variables.update({loc: "--profile" if profile and loc == ("profile",) else "--set" for loc in _keys(said)})
    whole = grafted(merge(merge(merged, _environment(problems, secrets)), said), origins)
    settings = _settings(whole, origins, problems)
    plugs = settings and (
        resolved(settings.cameras, "cameras", capture.SOURCES, origins, problems),
        resolved(settings.pipeline, "pipeline", stages.STAGES, origins, problems),
    )
    if problems or not settings or not plugs:
        raise BadConfig(problems)
    return Loaded(settings, tuple(path for path in (profile_file, chosen) if path), origins, *plugs)


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


def _settings(merged: dict[str, Any], origins: Origins, problems: list[Problem]) -> Settings | None:
    ours = sorted(key for key in merged if key.startswith("_"))  # pydantic-settings would take `_env_file` for an order to itself
    problems += [Problem(origins.where((key,)), key, "", "is not a known key", "remove it") for key in ours]
    try:
        return Settings(**{key: value for key, value in merged.items() if key not in ours})
    except ValidationError as error:
        problems += from_pydantic(error.errors(), origins, known_keys(Settings))
    return None
