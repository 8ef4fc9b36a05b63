"""Options of the outbox: how soon, how much, for how long."""

from __future__ import annotations

from pydantic import Field

from device.pipeline.strict import Strict


class Options(Strict):
    group_ms: int = Field(default=100, ge=0, le=1000, description="after a quiet spell one commit at once, those of so many ms together")
    ack_ms: int = Field(default=5000, ge=0, le=60_000, description="what the broker has is deleted with the next commit or after this")
    retry_ms: int = Field(default=1000, ge=10, le=60_000, description="how often a disk that refused is tried again")
    max_bytes: int = Field(default=256 << 20, ge=1 << 16, description="what may wait on disk; then the oldest updates are shed, counted")
    max_unsaved: int = Field(default=10_000, ge=10, description="messages kept in memory while the disk takes none")
    history: int = Field(default=10_000, ge=1, description="events the page can look back on")
    messages: int = Field(default=10_000, ge=1, le=1_000_000, description="messages kept for readers of the event stream that were away")
    messages_bytes: int = Field(default=64 << 20, ge=1 << 16, le=1 << 32, description="what those may take on disk; then the oldest go")
