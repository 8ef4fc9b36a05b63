"""The event log of one recording as one JSON document: what was looked at, and one entry an event."""

import os
from pathlib import Path
from typing import Literal
from uuid import UUID

from pydantic import Field, JsonValue, ValidationError, model_validator

from contracts.canonical import canonical
from contracts.errors import StorageError
from contracts.files import storage
from contracts.wire import Utc, Wire

FORMAT = 1
MAX_BYTES = 256 << 20  # an event takes about 500 bytes; nobody reviews half a million of them


class Fingerprint(Wire):
    """Everything that decides what is found in a recording; two logs with the same one, of the same file, are the same log."""

    model: str | None = Field(default=None, description="digest of the bundle, sha256:<hex>")
    engine: str = Field(default="", description="fingerprint of the engine: runtime, version, provider, precision, graph level")
    config_hash: str = ""
    software: str = ""
    stages: dict[str, dict[str, str]] = Field(default_factory=dict, description="of each stage that depends on more than its options")


class Gap(Wire):
    """A part of the recording that could not be read, in seconds from its start."""

    start_offset_seconds: float = Field(ge=0)
    end_offset_seconds: float = Field(ge=0)
    reason: str


class Metadata(Wire):
    """`processed_at` is the only thing in a document that differs between two runs over the same file."""

    video_path: str
    session_start_time: Utc = Field(description="wall time of the first picture")
    session_type: str = Field(default="", description="stream, practice, casual, ...: what the owner says it is")
    video_duration_seconds: float = Field(ge=0)
    total_frames: int = Field(ge=0, description="pictures in the video, looked at or not")
    detection_fps: float = Field(gt=0, description="pictures looked at a second, at most")
    model_version: str = ""
    processed_at: Utc
    format: Literal[1] = 1
    start_source: str = Field(default="", description="where `session_start_time` comes from: option, container, modification time")
    start_is_guess: bool = False
    source_digest: str | None = Field(default=None, description="of the file, sha256:<hex>")
    fingerprint: Fingerprint = Fingerprint()
    holes: list[Gap] = Field(default_factory=list)
    manually_reviewed: bool = Field(default=False, description="a person has gone through it; no run takes its place unasked")


class Entry(Wire):
    """One event as it was last told."""

    event_id: str = Field(pattern=r"^evt_[0-9]{3,9}$", description="its place in this document, from evt_001")
    uid: UUID = Field(description="the event's id: the same in every run over the same file")
    type: str = Field(description="the event's kind", pattern=r"^[a-z][a-z0-9_]{0,63}$")
    timestamp: Utc = Field(description="capture time of its first frame")
    video_offset_seconds: float = Field(description="media time of its first frame, seconds")
    frame_number: int = Field(ge=0, description="the frame its first message is about, counted in the video")
    confidence: float = Field(ge=0, le=1)
    data: dict[str, JsonValue] = Field(default_factory=dict)
    thumbnail: str | None = Field(default=None, description="picture, relative to this document's folder")
    end_offset_seconds: float | None = Field(default=None, description="media time of its last message; null: it never ended")
    label: str | None = None
    camera: str = ""


class BatchLog(Wire):
    """The whole document."""

    metadata: Metadata
    events: list[Entry]

    @model_validator(mode="after")
    def _each_once(self) -> "BatchLog":
        for what, names in (("event_id", [e.event_id for e in self.events]), ("uid", [e.uid for e in self.events])):
            if len(set(names)) < len(names):
                raise ValueError(f"two events have the same {what}")
        return self


def document_bytes(document: BatchLog) -> bytes:
    """Equal documents are equal bytes."""
    return canonical(document.model_dump(mode="json"))


def read_document(path: Path) -> BatchLog:
    """StorageError that says what is wrong with a file that is none of ours, or is damaged."""
    with storage(path), open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:  # pipes do not wait
        content = file.read(MAX_BYTES + 1) or b""
    if len(content) > MAX_BYTES:
        raise StorageError(f"{path}: longer than {MAX_BYTES >> 20} MB; this is no event log of a recording")
    return parse_document(content, str(path))


def parse_document(content: bytes, name: str) -> BatchLog:
    """`name`: what to call it in an error."""
    try:
        return BatchLog.model_validate_json(content)
    except ValidationError as error:
        raise StorageError(f"{name}: {_fault(error)}") from error


def _fault(error: ValidationError) -> str:
    """The first thing that is wrong, and what to do."""
    first = error.errors(include_url=False, include_input=True)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid":
        return "is damaged or not JSON; name a document that `vedette batch` wrote, or make it anew with it"
    if where == "metadata.format":
        given = str(first["input"])[:20]
        return f"has format {given}, this software reads {FORMAT}; read it with the software that wrote it, or a newer one"
    if where in {"", "metadata", "events"} and first["type"] != "value_error":
        return "is no event log of a recording; name a document that `vedette batch` wrote"
    return f"{where or 'events'}: {first['msg'][:200]}; restore the file, or make it anew with `vedette batch`"
