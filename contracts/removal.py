"""A removal: one line of `log/removals.jsonl`, written before the file goes: what, by which rule, and the figures that led to it."""

from typing import Literal

from pydantic import Field

from contracts.wire import Utc, Wire

Rule = Literal["age", "budget", "watermark"]
Order = Literal["oldest", "largest"]


class Figures(Wire):
    """How it stood when the removal was decided; null: unknown, or no such limit."""

    shelf_bytes: int = Field(description="of the whole shelf")
    budget_bytes: int | None = None
    max_age_s: float | None = None
    free_bytes: int | None = Field(default=None, description="free on the file system")
    wanted_free_bytes: int | None = Field(default=None, description="what was to be free")
    free_inodes: int | None = None
    wanted_free_inodes: int | None = None


class Removal(Wire):
    """`failed`: a line before it said that the item goes, and then the disk refused; it is still there and will be tried again."""

    version: Literal[1] = 1
    t: Utc = Field(description="when it was decided, by the box's clock")
    clock_trusted: bool = Field(description="false: the clock was not synchronised, `t` may be wrong and no age counted")
    shelf: str = Field(description="clips, sessions, pictures, snapshots, salvage, exports, logs")
    item: str = Field(description="what went: its path below the data folder")
    bytes: int = Field(ge=0, le=1 << 62)
    kept_since: Utc | None = Field(default=None, description="its own time; null: unknown")
    age_s: float | None = Field(default=None, description="null: unknown, because its time or the clock's cannot be trusted")
    acknowledged: bool = Field(default=True, description="false: training data the trainer had not acknowledged; an alert stood before")
    rule: Rule
    order: Order
    outcome: Literal["removed", "failed"] = "removed"
    figures: Figures
    reason: str = Field(description="the same in words; after a failure what the disk said")
