"""Health: how the box and each of its cameras is, every few seconds; every drop with its reason."""

from typing import Literal

from pydantic import Field

from contracts.status import Alert
from contracts.storage import StorageState
from contracts.wear import WearHealth
from contracts.wire import Utc, Wire


class StageHealth(Wire):
    """How long a stage took, over its last few hundred frames."""

    count: int = Field(description="how often since the start")
    p50_ms: float
    p95_ms: float
    p99_ms: float


class CameraHealth(Wire):
    state: Literal["starting", "online", "retrying", "unplugged", "ended", "stopped"]
    reason: str = Field(default="", description="why it is not online, and what to do")
    since: Utc | None = Field(default=None, description="since when it is in this state")
    fps: float = Field(description="frames analysed a second since the last report")
    fps_offered: float = Field(description="frames offered to analysis a second since the last report")
    frame_age_s: float | None = Field(description="age of the newest frame that was looked at, by the model or by the motion gate")
    gate: Literal["off", "idle", "watching", "active"] = Field(description="motion gate")
    offered: int = Field(description="frames offered to analysis = analysed + gated + dropped + those on their way")
    analysed: int
    gated: int = Field(description="frames not looked at because nothing moved")
    dropped: dict[str, int] = Field(description="frames lost before analysis, by reason")
    no_answer: dict[str, int] = Field(
        default_factory=dict, description="analysed frames to which the model had no answer, by reason: what is in them is unknown"
    )
    not_kept: dict[str, int] = Field(default_factory=dict, description="clips and pictures that could not be kept, by reason")
    recorded: float | None = Field(
        default=None, description="continuous and scheduled recording: seconds kept a second it should have kept; null: none is wanted"
    )
    events: int = 0
    reconnects: int = 0
    codec: str = ""
    width: int = 0
    height: int = 0
    stages: dict[str, StageHealth] = Field(default_factory=dict)


class PartHealth(Wire):
    """A part that is not a camera: mqtt, record, outbox, page, model, ..."""

    state: Literal["ok", "degraded", "failed"]
    reason: str = ""
    since: Utc | None = None


class OutboxHealth(Wire):
    """What waits for the broker."""

    depth: int = Field(description="messages waiting on disk")
    bytes: int
    oldest_age_s: float | None = Field(description="age of the oldest waiting message; null: none waits or its boot is over")
    unsaved: int = Field(description="messages in memory because the disk takes none")
    shed: int = Field(description="messages given up since the journal began, because it was full")
    shed_to_seq: int = Field(description="holes in `seq` up to here may be what was shed; 0: nothing was")
    last_seq: int = Field(description="number of the newest journalled message")


class SystemHealth(Wire):
    rss_bytes: int | None = Field(description="resident memory of the appliance")
    cpu_percent: float = Field(description="of one core, since the last report")
    disk_total_bytes: int | None
    disk_free_bytes: int | None
    written_bytes: int | None = Field(description="written to storage by the appliance since it started: wear")
    temperature_c: float | None = Field(description="hottest thermal zone")
    temperatures_c: dict[str, float] = Field(default_factory=dict, description="each thermal zone, by the name the board gives it")
    throttled: list[str] = Field(default_factory=list, description="what slows the box now, for heat or current; empty: nothing does")
    uptime_s: float = Field(description="of the appliance")
    clock: Literal["ntp", "rtc", "unsynced"]


class ShelfHealth(Wire):
    """A class of files: clips, pictures, exports, ..."""

    bytes: int
    budget_bytes: int | None = None
    per_day_bytes: int | None = Field(default=None, description="what comes in a day; null: not known yet")
    days_left: float | None = Field(default=None, description="until its budget is used up; null: not known, or never")


class StorageHealth(Wire):
    """What fills the disk, in short; the whole is contracts/storage.py."""

    state: StorageState
    free_bytes: int | None = None
    days_left: float | None = Field(default=None, description="until the disk is full and the oldest goes; null: not known, or never")
    shelves: dict[str, ShelfHealth] = Field(default_factory=dict)


class Health(Wire):
    fps: float = Field(description="frames analysed a second, all cameras")
    cameras: dict[str, CameraHealth]
    stages: dict[str, StageHealth] = Field(default_factory=dict, description="work that belongs to no camera")
    counts: dict[str, int] = Field(default_factory=dict, description="what is counted outside of cameras, `part.what.reason`")
    parts: dict[str, PartHealth]
    late: list[str] = Field(default_factory=list, description="workers that missed their deadline")
    outbox: OutboxHealth | None = None
    storage: StorageHealth | None = None
    system: SystemHealth
    wear: WearHealth | None = None
    alerts: list[Alert] = Field(default_factory=list, description="what stands, the worst first")
