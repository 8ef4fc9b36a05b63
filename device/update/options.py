"""Options of updates: whom this box trusts, where the bytes come from, what it lets in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from contracts.update import NAME
from device.pipeline.strict import Strict
from device.update.config_options import ConfigOptions
from device.update.preflight import Classes
from device.update.proof_options import ProofOptions


class Options(Strict):
    """Models that are pushed to this box."""

    trust: Path = Field(
        description="folder with root.json and assignment.json as `vedette-trainer keys` wrote them: whom this box believes"
    )
    url: str | None = Field(
        default=None, description="the trainer's repository, https://host:port/tuf; null: over a stick or the broker alone"
    )
    ca: Path | None = Field(default=None, description="PEM file of the authority that signed the server's certificate; null: the system's")
    cert: Path | None = Field(default=None, description="PEM file of this box's certificate, where the server asks for one")
    key: Path | None = Field(default=None, description="PEM file of that certificate's key")
    folders: tuple[Path, ...] = Field(
        default=(), description="where a stick with the repository may be mounted; looked at before the network"
    )
    over_mqtt: Literal["off", "on"] = Field(
        default="off", description="on: where `url` cannot be reached the broker brings the bytes, slowly"
    )
    cohorts: tuple[Annotated[str, Field(pattern=NAME)], ...] = Field(default=(), description="groups of boxes that this one belongs to")
    classes: Classes = Field(
        default="more", description="more: a new model knows every class of the old one; same: exactly those; any: what the pipeline names"
    )
    max_pixels: int = Field(default=1 << 21, ge=1024, le=16 << 20, description="largest picture a new model may want, height times width")
    reserve_mb: int = Field(default=256, ge=0, le=1 << 20, description="room that a download leaves on the disk, MB")
    prove: ProofOptions = Field(default=ProofOptions(), description="what a new model must show on this box before it stays")
    config: ConfigOptions = Field(default=ConfigOptions(), description="what a new configuration must show on this box before it stays")
    retry_min_s: float = Field(default=5, gt=0, le=3600, description="first pause after a road broke off, seconds; jittered, doubled")
    retry_max_s: float = Field(default=600, gt=0, le=86_400, description="longest pause, seconds; sticks are looked for as often")
    refresh_h: float = Field(default=24, gt=0, le=8760, description="hours after which the repository is asked for newer keys by itself")
    timeout_s: float = Field(default=30, gt=0, le=600, description="seconds without a byte after which a connection is given up")
    least_bytes_per_s: float = Field(default=1024, ge=0, le=1e9, description="slower than this over a minute is given up, and tried again")
