"""A session: one sitting, with the takes that were recorded in it and the calibration that was valid."""

from typing import Literal

from pydantic import ConfigDict, Field

from contracts.takes import PitchId, SessionId, Sha256
from contracts.wire import Utc, Wire


class StoredFile(Wire):
    """A file of the session by its hash."""

    model_config = ConfigDict(strict=True)
    file: str = Field(pattern=r"^[A-Za-z0-9%_.,=@()+ -]{1,160}$", description="its name in `calibration/`")
    sha256: Sha256


class SessionManifest(Wire):
    """`manifest.json` of a session: written when it begins, with each take, and when it ends."""

    model_config = ConfigDict(strict=True)
    schema_version: Literal[1] = 1
    session_id: SessionId
    kind: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="what a take of it is: pitch, ...")
    state: Literal["open", "complete"]
    start: Utc = Field(description="capture time at which its first take began")
    end: Utc | None = Field(default=None, description="null: it is open")
    reason: str = Field(default="", description="why it ended: idle, command, stopped, cut off")
    cameras: list[str] = Field(min_length=1)
    takes: list[PitchId] = Field(default_factory=list, description="every take that was begun and has something in it")
    calibrated: Literal["stereo", "none"] = Field(description="stereo: the five files are wanted")
    calibration: list[StoredFile] = Field(default_factory=list, description="as they were when it began")
    config_hash: str = ""
    device: str = ""
    software: str = ""
