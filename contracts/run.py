"""A run of training: what stands in its `run.json`, and each line of its `progress.jsonl`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from contracts.envelope import ULID
from contracts.evaluation import Figure
from contracts.split import Root
from contracts.wire import Utc, Wire

State = Literal["queued", "running", "done", "failed", "stopped"]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class Best(Wire):
    """The epoch whose weights are kept."""

    epoch: int = Field(ge=1)
    ap50: Figure
    ap: Figure


class Target(Wire):
    """What the owner asked for, and what the best weights reach on val at their operating points."""

    asked: float
    got: Figure
    met: bool


class Software(Wire):
    vedette: str
    torch: str
    python: str


class Run(Wire):
    """`run.json`. A run folder is never used by another run."""

    format: Literal[1] = 1
    id: str = Field(pattern=ULID)
    kind: Literal["detector"] = "detector"
    state: State
    why: str = Field(default="", description="of failed or stopped: what happened and what to do")
    config: dict[str, JsonValue] = Field(description="the whole configuration, defaults filled in")
    classes: list[str] = Field(default_factory=list, description="by class number")
    data_root: Root | None = Field(default=None, description="Merkle root of the data set; null: it was not asked to be computed")
    split_root: Root | None = Field(default=None, description="root that the split was made of; null: the set's own split")
    split_sha256: str | None = Field(default=None, description="of the split's file")
    parent: str | None = Field(default=None, description="sha256: of the weights or bundle it began from; null: from nothing")
    seed: int
    software: Software
    device: str = Field(description="what was computed on, such as cpu or a GPU's name")
    processes: int = Field(default=1, ge=1)
    pictures: dict[str, Count] = Field(default_factory=dict, description="of train and val")
    examples: dict[str, Count] = Field(default_factory=dict, description="labelled things of each class in train")
    created: Utc
    started: Utc | None = None
    ended: Utc | None = None
    best: Best | None = None
    weights_sha256: str | None = Field(default=None, description="of best.safetensors, when the run is done")
    targets: dict[str, Target] = Field(default_factory=dict)
    skipped: list[str] = Field(default_factory=list, description="pictures that could not be read, and why")
    notes: list[str] = Field(default_factory=list, description="what an owner should know about this run")


class EpochLine(Wire):
    """One line of `progress.jsonl`."""

    epoch: int = Field(ge=1)
    epochs: int = Field(ge=1)
    step: int = Field(ge=1, description="steps of the optimiser since the beginning")
    loss: dict[str, Figure] = Field(description="mean of the epoch: centre, box, total")
    rate: float = Field(description="learning rate at its end")
    ap: Figure = Field(default=None, description="on val; null: not validated after this epoch")
    ap50: Figure = None
    classes: dict[str, Figure] = Field(default_factory=dict, description="AP50 of each class")
    seconds: Seconds = Field(description="that the epoch took, validation included")
    left_s: Seconds = Field(description="until the end, as it looks now")
    t: Utc
