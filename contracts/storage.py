"""Storage: what fills the disk, how long it will last, what was removed and why."""

from typing import Literal

from pydantic import Field

from contracts.removal import Removal
from contracts.wire import Utc, Wire

StorageState = Literal["ok", "cleaning", "pinned", "unacknowledged", "others", "untrusted", "failing"]


class ShelfReport(Wire):
    """One class of files: clips, sessions, pictures, snapshots, salvage, exports, models, logs, journal."""

    bytes: int
    count: int
    pinned_bytes: int = 0
    unacknowledged_bytes: int = Field(default=0, description="training data that the trainer has not acknowledged")
    oldest: Utc | None = None
    budget_bytes: int | None = Field(default=None, description="null: none of its own")
    max_age_s: float | None = None
    per_day_bytes: int | None = Field(default=None, description="what comes in a day, over the last week; null: not known yet")
    days_left: float | None = Field(
        default=None, description="until its budget is used up; null: no budget, nothing comes, or not known yet"
    )
    days_kept: float | None = Field(default=None, description="how far back it reaches when its budget is used up, at this rate")
    removed_count: int = Field(default=0, description="since the appliance started")
    removed_bytes: int = 0
    trouble: str = Field(default="", description="why it is not cleaned, and what to do")


class StorageReport(Wire):
    t: Utc
    state: StorageState = Field(
        description="pinned, unacknowledged, others: too little is free and this is what is in the way; untrusted: the index is "
        "of another disk or not whole; failing: the disk refuses"
    )
    reason: str = ""
    total_bytes: int | None = None
    free_bytes: int | None = None
    total_inodes: int | None = Field(default=None, description="null: this file system does not count them")
    free_inodes: int | None = None
    free_low_bytes: int | None = Field(default=None, description="less free than this: cleaning begins")
    free_high_bytes: int | None = Field(default=None, description="and ends here")
    ballast_bytes: int = Field(default=0, description="room held back, given up first when the disk is full")
    other_bytes: int | None = Field(default=None, description="used on this file system by anything else")
    per_day_bytes: int | None = None
    days_left: float | None = Field(default=None, description="until the disk is full and the oldest goes, at this rate")
    shelves: dict[str, ShelfReport] = Field(default_factory=dict)
    last_removals: list[Removal] = Field(default_factory=list, description="newest last")
