"""What the owner may choose about how long things are kept."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from contracts.removal import Order
from device.keep.amounts import Amount, Span
from device.pipeline.strict import Strict

ShelfName = Literal["clips", "sessions", "pictures", "snapshots", "salvage", "exports", "logs"]
BUDGET = "most room it may take: `80 GB`, or `60%` of the disk; null: only the watermarks bound it"
MAX_AGE = "older than this goes, while the clock is synchronised: `30 days`; null: age is no reason"


class Keeping(Strict):
    budget: Amount | None = Field(default=None, description=BUDGET)
    max_age: Span | None = Field(default=None, description=MAX_AGE)
    min_age: Span = Field(default="0 s", description="grace: nothing younger is removed by any rule")
    order: Order = Field(default="oldest", description="what goes first when room is wanted: oldest or largest")


class ClipKeeping(Keeping):
    budget: Amount | None = Field(default="70%", description=BUDGET)


class SessionKeeping(Keeping):
    budget: Amount | None = Field(default=None, description=BUDGET)


class PictureKeeping(Keeping):
    budget: Amount | None = Field(default="5%", description=BUDGET)


class SnapshotKeeping(Keeping):
    budget: Amount | None = Field(default="2%", description=BUDGET)


class SalvageKeeping(Keeping):
    budget: Amount | None = Field(default="2%", description=BUDGET)
    max_age: Span | None = Field(default="30 days", description=MAX_AGE)


class ExportKeeping(Keeping):
    budget: Amount | None = Field(default="10%", description=BUDGET)
    unacknowledged: Literal["keep", "alert"] = Field(
        default="keep",
        description="training data the trainer does not have yet. keep: never removed; alert: removed when an alert has stood for `notice`",
    )
    notice: Span = Field(default="1 day", description="how long the alert stands before anything unacknowledged is removed")


class LogKeeping(Keeping):
    budget: Amount | None = Field(default="1%", description=BUDGET)


class StorageOptions(Strict):
    mount: bool | Path = Field(
        default=False,
        description="true: `data` is on a disk of its own, and nothing is kept while none is mounted; a path: on the one mounted there",
    )
    free_low: Amount = Field(default="5%", description="less free than this: room is made, in the order of `first`")
    free_high: Amount = Field(default="7%", description="until so much is free")
    inodes_low: Amount = Field(default="2%", description="the same for the number of files a file system can still take")
    inodes_high: Amount = Field(default="3%", description="until so many more can be taken")
    first: tuple[ShelfName, ...] = Field(
        default=("salvage", "snapshots", "exports", "clips", "sessions", "pictures", "logs"),
        description="what goes first when the disk is short of room; what is not named never goes for that reason",
    )
    ballast_mb: int = Field(default=64, ge=0, le=100_000, description="a file given up first when the disk is full, MB; 0: none")
    look_s: float = Field(default=2, ge=0.1, le=60, description="how often the free room is looked at, seconds")
    round_s: float = Field(default=30, ge=0.1, le=3600, description="how often budgets and ages are looked at, seconds")
    removals_mb: int = Field(default=8, ge=1, le=1000, description="log/removals.jsonl begins a new file at this size, MB")
    removals_files: int = Field(default=8, ge=1, le=1000, description="older files of it that are kept")
    clips: ClipKeeping = ClipKeeping()
    sessions: SessionKeeping = SessionKeeping()
    pictures: PictureKeeping = PictureKeeping()
    snapshots: SnapshotKeeping = SnapshotKeeping()
    salvage: SalvageKeeping = SalvageKeeping()
    exports: ExportKeeping = ExportKeeping()
    logs: LogKeeping = LogKeeping()

    @model_validator(mode="after")
    def _each_named_once(self) -> "StorageOptions":
        if len(set(self.first)) < len(self.first):
            raise ValueError("`first` names a shelf twice; name each once")
        return self

    def keeping(self, shelf: str) -> Keeping:
        """The options of a shelf; one without any (models, journal) is only counted."""
        found = getattr(self, shelf, None)
        return found if isinstance(found, Keeping) else Keeping()
