"""Recipe: what is done with each frame and what decides the answers; checked here, sent to every worker, the same there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from contracts.batchlog import Fingerprint
from contracts.errors import ConfigError, HardwareError
from contracts.eventlog import LogHeader
from device import stages as table
from device.clock import Clock
from device.config import Loaded, Settings
from device.inventory import header
from device.pipeline.protocols import Fingerprinted, Gate, Stage, WideStage
from device.pipeline.tally import Tally
from device.plugs import resolved
from device.problems import BadConfig, Origins, Problem
from device.sight import open_stages

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Named:
    """A recording as the stages know it."""

    identity: str


@dataclass(frozen=True, slots=True)
class Recipe:
    loaded: Loaded
    camera: str
    gate: str | None  # names in the profile
    frame_only: tuple[str, ...]
    memory: tuple[str, ...]
    header: LogHeader  # of a log of no file yet
    fingerprint: Fingerprint
    model_version: str

    @property
    def detection_fps(self) -> float:
        return fps_of(self.loaded, self.camera)

    def text(self) -> str:
        """What a worker has to know. No address and no password of a camera is in it."""
        settings = self.loaded.settings
        plain = settings.model_dump(mode="json", include={"device_id", "detection_fps", "model"})
        plain["data"] = str(settings.data.resolve())
        plain["model"]["folders"] = [str(folder.resolve()) for folder in settings.model.folders]
        plain["pipeline"] = {name: plug.model_dump(mode="json") for name, plug in settings.pipeline.items() if name in self.frame_only}
        if camera := settings.cameras.get(self.camera):
            known = set(type(camera).model_fields) - {"use"}
            plain["cameras"] = {self.camera: {"use": "file", **camera.model_dump(mode="json", include=known)}}
        whole = {
            "format": FORMAT,
            "camera": self.camera,
            "settings": plain,
            "files": [str(path.resolve()) for path in self.loaded.files],
            "fingerprint": self.fingerprint.model_dump(mode="json"),
        }
        return json.dumps(whole)  # in their order: stages run in it, and templates are looked for in it


def recipe_of(loaded: Loaded, camera: str, clock: Clock) -> Recipe:
    """Opens every stage of the profile once. ConfigError when it cannot be, or when its stages are in an order that does not divide."""
    gate, frame_only, memory = divided(loaded)
    stages, _ = open_stages(loaded, {camera: Named("")}, clock, Tally())
    try:
        detector = next((getattr(stage, "detector", None) for stage in stages.values() if isinstance(stage, WideStage)), None)
        version = " ".join(str(getattr(detector, part)) for part in ("name", "version")) if hasattr(detector, "version") else ""
        first = header(loaded, stages, clock, "")
        return Recipe(loaded, camera, gate, frame_only, memory, first, fingerprint_of(first, stages), version)
    finally:
        close(stages)


def divided(loaded: Loaded) -> tuple[str | None, tuple[str, ...], tuple[str, ...]]:
    """The gate, the stages that look at one frame only, those that remember. ConfigError says which stage to move."""
    gate: str | None = None
    frame_only: list[str] = []
    memory: list[str] = []
    for name, (cls, _) in loaded.stages.items():
        if hasattr(cls, "moved"):
            gate = name
        elif getattr(cls, "frame_only", False) is not True:
            memory.append(name)
        elif memory:
            raise ConfigError(
                f"pipeline.{name}: looks at the picture and comes behind {memory[0]}, which remembers what was before; "
                f"move {name} before {memory[0]}, or run this profile with `vedette replay`"
            )
        else:
            frame_only.append(name)
    return gate, tuple(frame_only), tuple(memory)


def fingerprint_of(first: LogHeader, stages: Mapping[str, Stage | WideStage]) -> Fingerprint:
    """Everything that decides what is found."""
    own = {name: dict(stage.fingerprint) for name, stage in stages.items() if isinstance(stage, Fingerprinted)}
    return Fingerprint(model=first.model, engine=first.engine, config_hash=first.config_hash, software=first.software, stages=own)


def part(loaded: Loaded, names: Sequence[str | None]) -> Loaded:
    """The configuration with these stages only."""
    return replace(loaded, stages={name: plug for name, plug in loaded.stages.items() if name in names})


def fps_of(loaded: Loaded, camera: str) -> float:
    known = loaded.settings.cameras.get(camera)
    return (known.detection_fps if known else None) or loaded.settings.detection_fps


def open_memory(recipe: Recipe, digest: str, clock: Clock, tally: Tally) -> dict[str, Stage | WideStage]:
    """The stages with a memory, with nothing in it yet."""
    return open_stages(part(recipe.loaded, recipe.memory), {recipe.camera: Named(digest)}, clock, tally)[0]


def open_gate(recipe: Recipe, clock: Clock, tally: Tally) -> Gate | None:
    return open_stages(part(recipe.loaded, [recipe.gate]), {recipe.camera: Named("")}, clock, tally)[1]


def open_frame_only(text: str, clock: Clock, tally: Tally) -> tuple[str, dict[str, Stage | WideStage]]:
    """In a worker: the camera's name and its stages. HardwareError when they are not those of who wrote the recipe."""
    plain = json.loads(text)
    loaded = _loaded(plain["settings"], [Path(path) for path in plain["files"]])
    stages, _ = open_stages(loaded, {plain["camera"]: Named("")}, clock, tally)
    here = fingerprint_of(header(loaded, stages, clock, ""), stages)
    asked = Fingerprint.model_validate(plain["fingerprint"])
    for name in ("software", "model", "engine"):
        if getattr(here, name) != getattr(asked, name):
            close(stages)
            raise HardwareError(f"this worker's {name} is {getattr(here, name)}, not {getattr(asked, name)}; set it up like the others")
    if strange := sorted(name for name in here.stages if here.stages[name] != asked.stages.get(name)):
        close(stages)
        raise HardwareError(f"stage {strange[0]} is not the same on this worker; give it the same files as the others")
    return plain["camera"], stages


def _loaded(plain: dict[str, Any], files: list[Path]) -> Loaded:
    problems: list[Problem] = []
    origins = Origins()
    try:
        settings = Settings(**plain)
    except ValidationError as error:
        raise ConfigError(f"a worker does not understand the configuration ({error.errors()[0]['msg']}); run the same software") from error
    stages = resolved(settings.pipeline, "pipeline", table.STAGES, origins, problems)
    if problems:
        raise BadConfig(problems)
    return Loaded(settings, tuple(files), origins, {}, stages)


def close(stages: Mapping[str, Stage | WideStage]) -> None:
    for stage in stages.values():
        if isinstance(stage, WideStage):
            stage.close()
