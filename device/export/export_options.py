"""What the owner may choose about training data: which pictures are kept, why, and how much of the disk they may take."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from device.export.review_options import ReviewOptions
from device.pipeline.strict import Strict

Point = tuple[float, float]


class ExportOptions(Strict):
    enabled: bool = Field(default=False, description="write a training data set; off it costs nothing")
    dir: Path | None = Field(default=None, description="folder of the data set; null: `dataset` in the data folder")
    mode: Literal["incremental", "on_completion", "manual"] = Field(
        default="incremental",
        description="durable every batch_size records, at the end of each event, or only what the command `export` asks for",
    )
    batch_size: int = Field(default=50, ge=1, le=1000, description="records that become durable together")
    commit_s: float = Field(default=30, ge=0.1, le=3600, description="none waits longer than so long to become durable, seconds")
    events: tuple[Literal["first", "best", "last"], ...] = Field(default=("best",), description="pictures kept of each event")
    event_probability: float = Field(default=1.0, ge=0, le=1, description="part of the events of which pictures are kept")
    every_s: float = Field(default=0, ge=0, description="one picture of each camera every so often, seconds of media time; 0: none")
    uncertain: tuple[float, float] = Field(default=(0.25, 0.5), description="confidences between which the detector is not sure")
    uncertain_probability: float = Field(default=0.0, ge=0, le=1, description="part of the frames with such a box that are kept")
    background_probability: float = Field(default=0.0, ge=0, le=1, description="part of the frames without any box that are kept")
    successful_only: bool = Field(default=False, description="only frames that the detector answered")
    with_detections_only: bool = Field(default=False, description="only frames with at least one box")
    min_confidence: float = Field(default=0.0, ge=0, le=1, description="at least one box must have it; places of lesser boxes are ignored")
    active_states: tuple[str, ...] = Field(default=(), description="only while one of these states or zones is active; none: always")
    near_duplicates: Literal["link", "skip"] = Field(default="link", description="pictures that look nearly like an earlier one")
    near_duplicate_bits: int = Field(default=6, ge=0, le=7, description="bits of 64 in which the hashes of near-duplicates differ at most")
    png_level: int = Field(default=1, ge=0, le=9, description="compression: 6 gains a tenth of the size for four times the time of 1")
    max_mb_per_hour: float = Field(default=200, gt=0, description="of pictures, all cameras together, MB; more is not kept, and counted")
    max_share: float | None = Field(
        default=0.2, gt=0, le=100, description="pictures take at most this part of what clips take, beside 4 MB; null: no such limit"
    )
    masks: dict[str, list[list[Point]]] = Field(
        default_factory=dict, description="camera -> outlines in 0..1, black in training pictures; everywhere if cameras.*.masks is null"
    )
    held: int = Field(default=32, ge=2, le=1024, description="most pictures held for events that are open, all cameras together")
    review: ReviewOptions = Field(default=ReviewOptions(), description="pictures for people to label, each with its reason and probability")
