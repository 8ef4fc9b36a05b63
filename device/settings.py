"""Settings: every key that a configuration may have, with its default and what it is."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from contracts.topics import DeviceId, reserved
from device.drift.options import DriftOptions
from device.export.export_options import ExportOptions
from device.keep.options import StorageOptions
from device.nearby.options import Options as NearbyOptions
from device.pipeline.line import Line
from device.pipeline.zone import Polygon, Zone
from device.plugs import Plug
from device.publish.eventlog import Options as LogOptions
from device.publish.health import Options as HealthOptions
from device.publish.mqtt import Options as MqttOptions
from device.publish.outbox_options import Options as OutboxOptions
from device.record.options import PictureOptions, RecordOptions
from device.record.session_options import SessionOptions
from device.update.options import Options as UpdateOptions
from device.web.options import Options as PageOptions

PREFIX = "VEDETTE_"


def host_id() -> str:
    """The host's name made into a device id (`[a-z0-9-]{3,40}`)."""
    kept = "".join(c if c.isalnum() and c.isascii() else "-" for c in socket.gethostname().lower()).strip("-")
    name = (kept or "box")[:40].ljust(3, "0")
    return f"box-{name}"[:40] if reserved(name) else name  # a box beside Home Assistant, on the machine of that name


class Camera(Plug):
    """One camera: which source, its own options, and what is true of the place it looks at."""

    detection_fps: float | None = Field(default=None, gt=0, le=120, description="overrides detection_fps for this camera")
    zones: dict[str, Zone] = Field(default_factory=dict, description="name -> points in 0..1 of the picture, labels")
    lines: dict[str, Line] = Field(default_factory=dict, description="name -> both ends in 0..1 of the picture, labels")
    masks: tuple[Polygon, ...] | None = Field(
        default=None, description="outlines in 0..1 of the picture that are black wherever it is seen or kept; null: those of export.masks"
    )


class Model(BaseModel):
    """How models run on this box."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    engine: str = Field(default="onnx", description="onnx or tensorrt", pattern="^(onnx|tensorrt)$")
    options: dict[str, JsonValue] = Field(
        default_factory=dict, description="of the engine, checked when it opens a model; onnx: providers, graph_level, spinning, threads, "
        "timeout_ms; tensorrt: precision, dla_core, device, workspace_mib, timeout_ms",
    )  # fmt: skip
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
    adopt_cameras: bool = Field(default=False, description="a local camera that is plugged in and gives a picture is watched from then on")
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
    nearby: NearbyOptions | None = Field(default=NearbyOptions(), description="the local network; null: nothing is said, nobody sought")
    drift: DriftOptions | None = Field(default=DriftOptions(), description="what is seen, counted by the hour; null: it is not")
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
