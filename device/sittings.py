"""Sittings: sessions and their takes wired into the appliance: who records them, who makes their files, what the last run left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pydantic import JsonValue

from contracts.errors import ConfigError
from contracts.files import file_name
from device.clock import Clock
from device.config import Loaded
from device.export.finisher import Finisher
from device.films import frames_of
from device.masks import masks_of
from device.pipeline.board import Board
from device.pipeline.channel import nothing
from device.pipeline.crew import Crew
from device.pipeline.protocols import Inbox, Tick
from device.pipeline.tally import Tally
from device.record.session import About
from device.record.session_options import SessionOptions
from device.record.take_recover import recover_takes
from device.record.takes import PART, Places, Takes
from device.sight import Sight
from device.stages.take import Take
from vision.types import Scene


@dataclass(frozen=True, slots=True)
class Sittings:
    """The two workers of the sessions."""

    takes: Takes
    finisher: Finisher

    def man(self, crew: Crew, sight: Sight, outlets: list[Inbox[Scene]]) -> None:
        def take(tick: Tick) -> None:
            try:
                self.takes.run(tick)
            finally:
                self.finisher.close()

        outlets.append(self.takes)
        crew.add("takes", take, deadline_s=60)
        crew.add("take files", self.finisher.run, deadline_s=60)
        sight.on_end.append(self.takes.close)

    def end_session(self, _args: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        """The command."""
        return {"session": self.takes.end_session()}


def commands_of(kept: Sittings | None) -> dict[str, Callable[[Mapping[str, JsonValue]], Mapping[str, JsonValue]]]:
    return {"end_session": kept.end_session} if kept else {}


def sittings(
    loaded: Loaded,
    sight: Sight,
    crew: Crew,
    outlets: list[Inbox[Scene]],
    *,
    clock: Clock,
    tally: Tally,
    board: Board,
    data: Path | None = None,
    require: Callable[[], None] = nothing,
) -> Sittings | None:
    """None: no sessions are kept, or no camera is there. What the last run left is closed before this one's first take. `data`: a replay's
    folder."""
    options = loaded.settings.recording
    if options is None or not sight.sources:
        return None
    about = _about(loaded, sight, options)
    home = loaded.settings.data
    places = Places(data / options.output_dir.name if data else home / options.output_dir, home / options.calibration_dir)
    masks = {file_name(name): outlines for name in sight.sources if (outlines := masks_of(loaded.settings, name))}
    finisher = Finisher(lambda video: frames_of(video, masks.get(video.stem, ())), clock=clock, tally=tally, board=board)
    found = recover_takes(places.recordings, finisher.put)
    words = [f"nothing says what {folder} is; look at it, then delete it" for folder in found.aside] + found.waiting
    if words:
        board.part(PART, "degraded", "; ".join(words[:3]), clock.wall_ns())
    takes = Takes(
        sight.rings, places, options, about, clock=clock, tally=tally, board=board, on_take=finisher.put, lossless=not sight.live,
        require=require,
    )  # fmt: skip
    kept = Sittings(takes, finisher)
    kept.man(crew, sight, outlets)
    return kept


def _about(loaded: Loaded, sight: Sight, options: SessionOptions) -> About:
    settings = loaded.settings
    stage = next((each for each in sight.stages.values() if isinstance(each, Take)), None)
    if stage is None:
        raise ConfigError("recording: no stage begins takes; add `take: {use: take}` to the pipeline, or remove `recording`")
    cameras = options.cameras or tuple(sight.rings)
    unknown = [name for name in cameras if name not in sight.rings]
    if unknown or stage.camera not in cameras:
        names = ", ".join(sight.rings)
        raise ConfigError(
            f"recording.cameras: must be some of {names}, with {stage.camera}, whose frames begin takes; it has {', '.join(cameras)}"
        )
    return About(
        cameras=cameras,
        camera=stage.camera,
        zones={name: settings.cameras[name].zones for name in cameras if name in settings.cameras},
        config_hash=loaded.digest(),
        device=settings.device_id,
        software=version("vedette"),
    )
