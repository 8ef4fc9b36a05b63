"""The first line of an event log: what wrote it, from what."""

from typing import Literal

from pydantic import Field

from contracts.wire import Utc, Wire


class LogHeader(Wire):
    """A file is of one model: when another serves, a new file is begun, and its `processed_at` says since when.

    `processed_at` is the only thing in a log that differs between two runs over the same file.

    A key that older logs lack has a default, and is no new format; `format` grows when a reader of today would misread a log.
    """

    format: Literal[1] = 1
    device: str
    profile: str
    model: str | None = Field(default=None, description="digest of the bundle, sha256:<hex>")
    engine: str = Field(default="", description="fingerprint of the engine: runtime, version, provider, precision, graph level")
    stages: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="what each stage's answers depend on beside its options: models, engine, template pictures"
    )
    config_hash: str = ""
    source: str = Field(default="", description="name of the file, or the cameras")
    source_digest: str | None = Field(default=None, description="of the file, sha256:<hex>; null for live cameras")
    start_source: str = Field(default="", description="where the wall time of the file's first frame comes from")
    software: str = ""
    processed_at: Utc
